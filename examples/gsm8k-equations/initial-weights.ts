import type { ModelConfig } from '../../trainer/model/config.ts';
import { weightShapes } from '../../trainer/model/weights.ts';
import type { Random } from '../../trainer/random.ts';

const DEVIATION = 0.02;
/** Projections back into the residual stream start smaller, so that its variance does not grow with the layers (GPT-2). */
const RESIDUAL = /\.(?:o_proj|down_proj)\.weight$/;

/** A new model's weights by Hugging Face name: norms one, biases zero, matrices normal with deviation 0.02. */
export function initialWeights(config: ModelConfig, random: Random): Map<string, Float32Array> {
  const residualScale = 1 / Math.sqrt(2 * config.numHiddenLayers);
  const weights = new Map<string, Float32Array>();
  for (const [name, shape] of weightShapes(config)) {
    const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
    if (name.endsWith('norm.weight')) values.fill(1);
    else if (shape.length === 2) {
      const deviation = DEVIATION * (RESIDUAL.test(name) ? residualScale : 1);
      // A stream of its own for each tensor: a change of one leaves the others as they were.
      const stream = random.fork(name);
      for (let i = 0; i < values.length; i += 1) values[i] = deviation * stream.normal();
    }
    weights.set(name, values);
  }
  return weights;
}
