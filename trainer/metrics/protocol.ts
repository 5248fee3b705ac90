import type { MetricName } from './definitions.ts';
import type { ProgressReport } from './progress.ts';

/** One change of one series, as it crosses from the computing thread to the serving one. */
export interface MetricUpdate {
  readonly type: 'set' | 'inc' | 'observe';
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What the computing thread tells the serving one. */
export type ToServer =
  | MetricUpdate
  | { readonly type: 'progress'; readonly report: ProgressReport }
  | { readonly type: 'close' };

/** What the serving thread answers, once, at its start. */
export type FromServer =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** What the serving thread is started with. */
export interface ServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly initial: ProgressReport;
}
