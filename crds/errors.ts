/**
 * What can go wrong, by cause. A program can branch on the code; the message, place and hint are for its reader.
 */
export type CftErrorCode =
  | 'InvalidManifest'
  | 'InvalidArgument'
  | 'InvalidRecord'
  | 'FileNotFound'
  | 'CorruptFile'
  | 'InvalidConfig'
  | 'UnsupportedModel'
  | 'ShapeMismatch'
  | 'DtypeMismatch'
  | 'TokenizerMismatch'
  | 'EmptyDataset'
  | 'NoCorrectResponse'
  | 'NoCriticalToken'
  | 'NotFinite'
  | 'DiskFull'
  | 'PortInUse'
  | 'AlreadyRunning'
  | 'BackendUnavailable'
  | 'ServiceUnavailable'
  | 'StageFailed'
  | 'Interrupted'
  | 'Internal';

/** Where the error was found, what to do about it, and what caused it. */
export interface CftErrorDetails {
  /** The file, field path or address at fault, e.g. `models/mine/config.json` or `spec.training.variants[0].objective`. */
  readonly where?: string;
  /** The value that was wrong. */
  readonly value?: unknown;
  /** What the reader can do about it, as an imperative. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The one error type of the project: a code, what was wrong, where, and what to do.
 *
 * @example throw new CftError('FileNotFound', 'config.json does not exist', { where: dir, hint: 'pass a Hugging Face model directory' })
 */
export class CftError extends Error {
  override readonly name = 'CftError';
  readonly code: CftErrorCode;
  readonly where: string | undefined;
  readonly value: unknown;
  readonly hint: string | undefined;

  constructor(code: CftErrorCode, message: string, details: CftErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.where = details.where;
    this.value = details.value;
    this.hint = details.hint;
  }
}

/** The error as a reader sees it on a terminal: the message, then `in` where, `try` what to do. */
export function formatError(error: unknown): string {
  if (!(error instanceof CftError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const lines = [`${error.code}: ${error.message}`];
  if (error.where !== undefined) lines.push(`  in   ${error.where}`);
  if (error.hint !== undefined) lines.push(`  try  ${error.hint}`);
  return lines.join('\n');
}
