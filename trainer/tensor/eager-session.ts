import type { Tensor } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import type { AdamWUpdate, DType, Program, Session, TensorSpec, TypedArray, Variable } from './session.ts';
import { tf } from './tf.ts';

/** A variable as a plain tensor that each write replaces. */
class EagerVariable implements Variable {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  #value: Tensor;

  constructor(name: string, spec: TensorSpec) {
    this.name = name;
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.#value = tf.keep(tf.zeros([...spec.shape], spec.dtype));
  }

  read(): Tensor {
    return this.#value;
  }

  assign(value: Tensor): void {
    const old = this.#value;
    this.#value = tf.keep(value.clone());
    old.dispose();
  }

  assignAdd(value: Tensor): void {
    this.assign(tf.add(this.#value, value));
  }

  updateRows(rows: Tensor, values: Tensor): Tensor {
    const width = values.size / (values.shape[0] ?? 1);
    const whole = this.#value.dataSync().slice();
    const part = values.dataSync();
    const count = whole.length / width;
    for (const [index, row] of rows.dataSync().entries()) {
      const at = (((row % count) + count) % count) * width;
      whole.set(part.subarray(index * width, (index + 1) * width), at);
    }
    this.assign(tf.tensor(whole, [...this.shape], this.dtype));
    return this.#value;
  }

  applyAdamW(update: AdamWUpdate): void {
    const { m, v, learningRate, biasCorrection1, biasCorrection2, beta1, beta2, epsilon, weightDecay } = update;
    const gradient = tf.mul(update.gradient, update.gradientScale);
    m.assign(tf.add(tf.mul(m.read(), beta1), tf.mul(gradient, 1 - beta1)));
    v.assign(tf.add(tf.mul(v.read(), beta2), tf.mul(tf.square(gradient), 1 - beta2)));
    const denominator = tf.add(tf.div(tf.sqrt(v.read()), tf.sqrt(biasCorrection2)), epsilon);
    const step = tf.mul(tf.div(learningRate, biasCorrection1), tf.div(m.read(), denominator));
    const decayed = tf.sub(this.#value, tf.mul(this.#value, tf.mul(learningRate, weightDecay)));
    this.assign(tf.sub(decayed, step));
  }

  load(values: TypedArray): void {
    if (values.length !== this.#value.size)
      throw new CftError(
        'ShapeMismatch',
        `variable ${this.name} of shape [${this.shape}] holds ${this.#value.size} values, not ${values.length}`,
      );
    this.assign(tf.tensor(values.slice(), [...this.shape], this.dtype));
  }

  values(): TypedArray {
    return this.#value.dataSync().slice() as TypedArray;
  }

  dispose(): void {
    this.#value.dispose();
  }
}

/** Programs that run op by op on whatever backend tfjs has: slower than a graph, the same results. */
export class EagerSession implements Session {
  readonly kernels = false;
  readonly exactBfloat16 = false;
  readonly #variables = new Map<string, EagerVariable>();

  variable(name: string, spec: TensorSpec): Variable {
    if (this.#variables.has(name)) throw new CftError('Internal', `variable ${name} is declared twice`);
    const variable = new EagerVariable(name, spec);
    this.#variables.set(name, variable);
    return variable;
  }

  program<I extends string, O extends string>(
    name: string,
    inputs: Readonly<Record<I, TensorSpec>>,
    body: (inputs: Readonly<Record<I, Tensor>>) => Readonly<Record<O, Tensor>>,
  ): Program<I, O> {
    const run = (feeds: Readonly<Record<I, TypedArray>>): Record<O, TypedArray> => {
      const result = {} as Record<O, TypedArray>;
      tf.tidy(() => {
        const tensors = {} as Record<I, Tensor>;
        for (const key of Object.keys(inputs) as I[]) {
          const spec = inputs[key];
          tensors[key] = tf.tensor(feeds[key], [...spec.shape], spec.dtype);
        }
        for (const [key, tensor] of Object.entries(body(tensors)) as [O, Tensor][])
          result[key] = tensor.dataSync().slice() as TypedArray;
      });
      return result;
    };
    return { name, run };
  }

  dispose(): void {
    for (const variable of this.#variables.values()) variable.dispose();
    this.#variables.clear();
  }
}
