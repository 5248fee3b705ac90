import { CftRun, GROUP, KIND } from './cftrun.ts';
import { CftError } from './errors.ts';
import type { FieldPath } from './field-path.ts';
import { type ManifestDocument, readDocuments } from './manifest-text.ts';
import { formatProblem, type Problem, problemsOf } from './problem.ts';
import { withoutNulls } from './schema-walk.ts';

/** What a manifest holds: the run, or everything that is wrong with it. */
export type CheckedManifest =
  | (ManifestFacts & { readonly run: CftRun; readonly problems: readonly [] })
  | (ManifestFacts & { readonly run: undefined; readonly problems: readonly Problem[] });

interface ManifestFacts {
  /** Documents that are not CftRuns, as `kind name`. */
  readonly skipped: readonly string[];
  /** 1-based line of a field, or of what it would stand in; undefined where the manifest was not text. */
  lineOf(path: FieldPath): number | undefined;
}

/**
 * Checks a manifest and says everything that is wrong with it.
 *
 * Text may hold several YAML documents, of which exactly one must be a CftRun; those of other kinds (a PersistentVolumeClaim, say) are
 * named in `skipped` and otherwise left alone.
 *
 * @param manifest YAML or JSON text, or an object as an API server gives it
 */
export function checkCftRun(manifest: string | object): CheckedManifest {
  if (typeof manifest !== 'string') return checkValue(manifest, { skipped: [], lineOf: () => undefined });
  const { documents, problems } = readDocuments(manifest);
  const unlocated = { skipped: [], lineOf: () => undefined };
  if (problems.length > 0) return { run: undefined, problems, ...unlocated };
  const [candidates, others] = partition(documents, isCandidate);
  const [document, ...more] = candidates.length === 0 && others.length === 1 ? others : candidates;
  if (document === undefined) return { run: undefined, problems: [noRun(others)], ...unlocated };
  if (more.length > 0)
    return { run: undefined, problems: more.map((extra) => secondRun(extra, document)), ...unlocated };
  const skipped = others.filter((other) => other !== document).map(describeDocument);
  return checkValue(document.value, { skipped, lineOf: document.lineOf });
}

/**
 * The CftRun of a manifest, defaults filled in.
 *
 * @param where name of the manifest for the error: a file's path, or `namespace/name`
 * @throws CftError InvalidManifest that lists every problem with its field path (and line, where there is text); `value` holds them as Problem[]
 */
export function parseCftRun(manifest: string | object, where: string): CftRun {
  const checked = checkCftRun(manifest);
  if (checked.run !== undefined) return checked.run;
  throw invalidManifest(checked.problems, where);
}

/** The error for a manifest with problems. */
export function invalidManifest(problems: readonly Problem[], where: string, hint = FIELD_HINT): CftError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const list = problems.map((problem) => `  ${formatProblem(problem)}`).join('\n');
  return new CftError('InvalidManifest', `${count} in the manifest\n${list}`, { where, value: problems, hint });
}

const FIELD_HINT =
  'every field is described in crds/cft.dev_cftruns.yaml, and by `kubectl explain cftrun.spec --recursive`';

function checkValue(given: unknown, facts: ManifestFacts): CheckedManifest {
  const value = withoutNulls(CftRun, given);
  const parsed = CftRun.safeParse(value);
  if (parsed.success) return { run: parsed.data, problems: [], ...facts };
  return { run: undefined, problems: locate(problemsOf(CftRun, value, parsed.error.issues), facts), ...facts };
}

/** Problems with their lines, in the order of the text. */
export function locate(problems: readonly Problem[], facts: Pick<ManifestFacts, 'lineOf'>): Problem[] {
  return problems
    .map((problem) => {
      const line = facts.lineOf(problem.keys);
      return line === undefined ? problem : { ...problem, line };
    })
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

function isCandidate(document: ManifestDocument): boolean {
  const { apiVersion, kind } = header(document);
  return kind === KIND || (typeof apiVersion === 'string' && apiVersion.startsWith(`${GROUP}/`));
}

function describeDocument(document: ManifestDocument): string {
  const { kind, metadata } = header(document);
  const name = typeof metadata === 'object' && metadata !== null ? (metadata as { name?: unknown }).name : undefined;
  return [kind ?? 'document without a kind', name].filter((part) => part !== undefined).join(' ');
}

function header(document: ManifestDocument): { apiVersion?: unknown; kind?: unknown; metadata?: unknown } {
  return typeof document.value === 'object' && document.value !== null ? document.value : {};
}

function noRun(others: readonly ManifestDocument[]): Problem {
  const found = others.length === 0 ? 'it is empty' : `it has only ${others.map(describeDocument).join(', ')}`;
  return { path: '', keys: [], message: `there is no CftRun in it: ${found}` };
}

function secondRun(extra: ManifestDocument, first: ManifestDocument): Problem {
  const message = `a second run (${describeDocument(extra)}): ${describeDocument(first)} begins in line ${first.lineOf([])}; put each into a file of its own`;
  return { path: '', keys: [], message, line: extra.lineOf([]) };
}

function partition<T>(values: readonly T[], test: (value: T) => boolean): [T[], T[]] {
  return [values.filter(test), values.filter((value) => !test(value))];
}
