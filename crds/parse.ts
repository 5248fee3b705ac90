import { CftRun, GROUP, KIND } from './cftrun.ts';
import { CftError } from './errors.ts';
import { type ManifestDocument, readDocuments } from './manifest-text.ts';
import { formatProblem, type Problem, problemsOf } from './problem.ts';

/** What a manifest holds: the run, or everything that is wrong with it. */
export type CheckedManifest =
  | { readonly run: CftRun; readonly problems: readonly []; readonly skipped: readonly string[] }
  | { readonly run: undefined; readonly problems: readonly Problem[]; readonly skipped: readonly string[] };

/**
 * Checks a manifest and says everything that is wrong with it.
 *
 * Text may hold several YAML documents, of which exactly one must be a CftRun; those of other kinds (a PersistentVolumeClaim, say) are
 * named in `skipped` and otherwise left alone.
 *
 * @param manifest YAML or JSON text, or an object as an API server gives it
 */
export function checkCftRun(manifest: string | object): CheckedManifest {
  if (typeof manifest !== 'string') return checkValue(manifest);
  const { documents, problems } = readDocuments(manifest);
  if (problems.length > 0) return { run: undefined, problems, skipped: [] };
  const [candidates, others] = partition(documents, isCandidate);
  const skipped = others.map(describeDocument);
  const [document, ...more] = candidates.length === 0 && others.length === 1 ? others : candidates;
  if (document === undefined) return { run: undefined, problems: [noRun(skipped)], skipped };
  if (more.length > 0) return { run: undefined, problems: more.map((extra) => secondRun(extra, document)), skipped };
  const checked = checkValue(document.value);
  const located = checked.problems
    .map((problem) => ({ ...problem, line: document.lineOf(problem.keys) }))
    .sort((a, b) => a.line - b.line);
  if (checked.run === undefined) return { run: undefined, problems: located, skipped };
  return { ...checked, skipped };
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
export function invalidManifest(problems: readonly Problem[], where: string): CftError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const list = problems.map((problem) => `  ${formatProblem(problem)}`).join('\n');
  return new CftError('InvalidManifest', `${count} in the manifest\n${list}`, {
    where,
    value: problems,
    hint: 'see `kubectl explain cftrun.spec --recursive` or crds/cft.dev_cftruns.yaml for every field',
  });
}

function checkValue(value: unknown): CheckedManifest {
  const parsed = CftRun.safeParse(value);
  if (parsed.success) return { run: parsed.data, problems: [], skipped: [] };
  return { run: undefined, problems: problemsOf(CftRun, value, parsed.error.issues), skipped: [] };
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

function noRun(skipped: readonly string[]): Problem {
  const found = skipped.length === 0 ? 'it is empty' : `it has only ${skipped.join(', ')}`;
  return { path: '', keys: [], message: `there is no CftRun in it: ${found}` };
}

function secondRun(extra: ManifestDocument, first: ManifestDocument): Problem {
  const message = `a second run (${describeDocument(extra)}): ${describeDocument(first)} begins in line ${first.lineOf([])}; put each into a file of its own`;
  return { path: '', keys: [], message, line: extra.lineOf([]) };
}

function partition<T>(values: readonly T[], test: (value: T) => boolean): [T[], T[]] {
  return [values.filter(test), values.filter((value) => !test(value))];
}
