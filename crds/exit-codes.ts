import { CftError, type CftErrorCode } from './errors.ts';

/** What a command's exit status says to whoever started it. */
export const EXIT = {
  ok: 0,
  /** Another attempt may succeed. */
  failed: 1,
  /** The input is at fault: another attempt would fail in the same way. */
  badInput: 2,
  /** Stopped by SIGINT (Ctrl-C), state saved: 128 + 2. */
  interrupted: 130,
  /** Stopped by SIGTERM, state saved: 128 + 15. */
  terminated: 143,
} as const;

const BAD_INPUT: ReadonlySet<CftErrorCode> = new Set<CftErrorCode>([
  'InvalidManifest',
  'InvalidArgument',
  'InvalidRecord',
  'FileNotFound',
  'CorruptFile',
  'InvalidConfig',
  'UnsupportedModel',
  'ShapeMismatch',
  'DtypeMismatch',
  'TokenizerMismatch',
  'EmptyDataset',
  'NoCorrectResponse',
  'NoCriticalToken',
  'NotFinite',
]);

/** The exit status for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  return error instanceof CftError && BAD_INPUT.has(error.code) ? EXIT.badInput : EXIT.failed;
}
