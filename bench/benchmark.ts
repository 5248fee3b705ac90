import type { ResponseRecord } from '../trainer/annotate/record.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import type { Precision } from '../trainer/tensor/lower.ts';
import type { WeightedSequence } from '../trainer/train/sequence.ts';
import type { Limits } from './limits.ts';
import type { Row } from './pairs.ts';
import type { Peer } from './peer.ts';
import type { Workload } from './workload.ts';

/** What a benchmark of a model is given. */
export interface Setting {
  readonly model: OpenModel;
  /** Of our matrix products. */
  readonly precision: Precision;
  /** Where the model lies. */
  readonly dir: string;
  /** PyTorch and transformers with the same model, and the Python that they run on. */
  readonly peer: Peer;
  readonly python: string;
  readonly workload: Workload;
  readonly limits: Limits;
}

/** A piece of work of ours, told so that another process can do it. */
export type Work = { readonly precision: Precision } & (
  | { readonly kind: 'decode'; readonly prompts: readonly (readonly number[])[]; readonly newTokens: number }
  | { readonly kind: 'annotate'; readonly responses: readonly ResponseRecord[] }
  | { readonly kind: 'train'; readonly sequences: readonly WeightedSequence[]; readonly steps: number }
);

/** Work of ours and of the peer that each does once, alone in a process: what that process needs is the work's memory. */
export interface Alone {
  readonly name: string;
  readonly peer: string;
  readonly ours: Work;
  readonly theirs: { readonly command: string; readonly parameters: Readonly<Record<string, unknown>> };
}

/** A benchmark's rows, and the work to measure the memory of. */
export interface Measured {
  readonly rows: readonly Row[];
  readonly alone: Alone;
}

export type Benchmark = (setting: Setting) => Promise<Measured>;
