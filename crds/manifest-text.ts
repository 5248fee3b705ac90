import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import type { FieldPath } from './field-path.ts';
import type { Problem } from './problem.ts';

/** One document of a YAML (or JSON) text, as plain values, with the way back to its lines. */
export interface ManifestDocument {
  readonly value: unknown;
  /** 1-based line of a field, or of the nearest thing above it that is in the text. */
  lineOf(path: FieldPath): number;
}

/** The documents of a manifest's text, empty ones left out, or everything that keeps it from being YAML. */
export function readDocuments(text: string): { documents: ManifestDocument[]; problems: Problem[] } {
  const lines = new LineCounter();
  const parsed = [
    ...parseAllDocuments(text, { lineCounter: lines, merge: true, prettyErrors: false, uniqueKeys: true }),
  ];
  const problems = parsed.flatMap((document) =>
    document.errors.map((error) => syntaxProblem(error.message, lines.linePos(error.pos[0]).line)),
  );
  if (problems.length > 0) return { documents: [], problems };
  const documents: ManifestDocument[] = [];
  for (const document of parsed) {
    try {
      const value: unknown = document.toJS();
      if (value !== null) documents.push({ value, lineOf: (path) => lines.linePos(offsetOf(document, path)).line });
    } catch (error) {
      problems.push(
        syntaxProblem(error instanceof Error ? error.message : String(error), lines.linePos(document.range[0]).line),
      );
    }
  }
  return { documents, problems };
}

function syntaxProblem(message: string, line: number): Problem {
  return { path: '', keys: [], message: `not YAML: ${message}`, line };
}

function offsetOf(document: Document.Parsed, path: FieldPath): number {
  let node: Node | null | undefined = document.contents;
  let offset = startOf(node) ?? document.range[0];
  for (const key of path) {
    const below = step(resolve(document, node), key);
    if (below === undefined) break;
    offset = below.offset ?? offset;
    node = below.node;
  }
  return offset;
}

function step(
  node: Node | null | undefined,
  key: string | number,
): { offset: number | undefined; node: Node | null } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
    return pair && { offset: startOf(pair.key as Node), node: pair.value as Node | null };
  }
  if (isSeq(node) && typeof key === 'number') {
    const item = node.items[key] as Node | undefined;
    return item && { offset: startOf(item), node: item };
  }
  return undefined;
}

function resolve(document: Document.Parsed, node: Node | null | undefined): Node | null | undefined {
  return isAlias(node) ? node.resolve(document) : node;
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}
