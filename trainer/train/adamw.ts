import type { Tensor } from '@tensorflow/tfjs-core';
import type { Session, Variable } from '../tensor/session.ts';

/** Settings of AdamW (arXiv 1711.05101) as PyTorch names them. */
export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /**
   * What decays: `all` parameters, as `torch.optim.AdamW(model.parameters())` does, or only `matrices`, leaving out norms and biases as
   * the Trainer of transformers does.
   */
  readonly decay: 'all' | 'matrices';
}

/** What changes from update to update, as scalars fed to a program. */
export interface AdamWScalars {
  readonly learningRate: Tensor;
  readonly biasCorrection1: Tensor;
  readonly biasCorrection2: Tensor;
}

/** The optimizer's state in a session, and its update for use inside programs. */
export interface AdamW {
  /** Moments by the name they have in a checkpoint. */
  readonly variables: ReadonlyMap<string, Variable>;
  /** Updates every trained variable in place; gradients in the order of the variables, each to be multiplied with `scale`. */
  apply(gradients: readonly Tensor[], scale: Tensor, scalars: AdamWScalars): void;
  /** The scalars of the update number `count`, from 1. */
  scalars(count: number, learningRate: number): Record<keyof AdamWScalars, Float32Array>;
}

/** Declares the two moments of each trained variable, zero at first. */
export function createAdamW(session: Session, trained: ReadonlyMap<string, Variable>, settings: AdamWSettings): AdamW {
  const { beta1, beta2, epsilon, weightDecay, decay } = settings;
  const variables = new Map<string, Variable>();
  const declare = (name: string, { shape, dtype }: Variable): Variable => {
    const variable = session.variable(name, { shape, dtype });
    variables.set(name, variable);
    return variable;
  };
  const slots = [...trained].map(([name, variable]) => ({
    variable,
    m: declare(`adam.m.${name}`, variable),
    v: declare(`adam.v.${name}`, variable),
    weightDecay: decay === 'all' || variable.shape.length >= 2 ? weightDecay : 0,
  }));
  return {
    variables,
    apply(gradients, gradientScale, scalars) {
      for (const [index, { variable, m, v, weightDecay }] of slots.entries())
        variable.applyAdamW({
          gradient: gradients[index] as Tensor,
          gradientScale,
          m,
          v,
          ...scalars,
          beta1,
          beta2,
          epsilon,
          weightDecay,
        });
    },
    scalars: (count, learningRate) => ({
      learningRate: Float32Array.of(learningRate),
      biasCorrection1: Float32Array.of(1 - beta1 ** count),
      biasCorrection2: Float32Array.of(1 - beta2 ** count),
    }),
  };
}

/** Signature of the scalars in a program's inputs. */
export const ADAMW_INPUTS = {
  learningRate: { shape: [], dtype: 'float32' },
  biasCorrection1: { shape: [], dtype: 'float32' },
  biasCorrection2: { shape: [], dtype: 'float32' },
} as const satisfies Record<keyof AdamWScalars, { shape: readonly number[]; dtype: 'float32' }>;
