import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskError, syncDirectory } from '../../crds/files.ts';
import type { Validation } from './validation.ts';

/**
 * One line of a training's log.jsonl. There is no time in it: the same training writes the same bytes.
 */
export interface TrainLogLine {
  /** Optimizer steps done; 0 for the line that says how the starting weights validate. */
  readonly step: number;
  /** Passes over the data so far, e.g. 1.25. */
  readonly epoch: number;
  /** Normalised loss of the step's training batch before its update, nats; null where the step was skipped. */
  readonly loss: number | null;
  readonly learningRate: number | null;
  /** Before clipping. */
  readonly gradNorm: number | null;
  /** Tokens with weight trained so far. */
  readonly tokens: number;
  /** Set if no token of the step had weight, so that nothing was updated. */
  readonly skipped?: true;
  /** Of the weights after the step. */
  readonly validation?: Validation;
  /** Ids of the step's sequences, where the log was asked to name them. */
  readonly samples?: readonly string[];
}

/** Appends lines; `sync` makes them durable. */
export interface TrainLog {
  append(line: TrainLogLine): Promise<void>;
  /** Waits until all lines are on disk. @returns the file's length in bytes */
  sync(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a log whose first `keepBytes` belong to what is resumed; what a killed process wrote after its last checkpoint is cut off.
 *
 * @throws CftError DiskFull, from `append` and `sync`
 */
export async function openTrainLog(path: string, keepBytes: number): Promise<TrainLog> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a');
  await file.truncate(keepBytes);
  await syncDirectory(dirname(path));
  let length = keepBytes;
  return {
    async append(line) {
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      await file.writeFile(bytes).catch((error) => {
        throw diskError(error, path);
      });
      length += bytes.length;
    },
    async sync() {
      await file.sync().catch((error) => {
        throw diskError(error, path);
      });
      return length;
    },
    close: () => file.close(),
  };
}
