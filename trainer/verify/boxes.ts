/** A `\boxed{...}`, `\fbox{...}` or `\boxed 5` of a text. `content` and `end` are undefined where it never closes. */
export interface Box {
  readonly at: number;
  readonly end: number | undefined;
  readonly content: string | undefined;
}

const LONGEST_BOX = 1000;
const BOX = /\\(?:boxed|fboxed|fbox)(?![A-Za-z])\s*/g;
const LONGEST_JOINT = 60;
/** What stands between boxes that are parts of one answer: `papers and`, or in whatever dress `and`, `or` or a comma, and the name of what comes next. */
const JOINT =
  /^(?:\s+[a-z]+){1,2}\s+(?:and|or)\s+$|^(?:[\s$.]|\\[()[\],;: ]|\\q?quad)*(?:,|;|and\b|or\b|,?\s*(?:otherwise|else)\b|&|\\text\s*\{\s*,?\s*(?:and|or)\s*\})+(?:[\s$]|and\b|\\[()[\],;: ]|\\q?quad)*(?:([A-Za-z](?:_\{?\w\}?)?\s*=)\s*)?$/;
const NAME_BEFORE = /(?<![A-Za-z\\])([A-Za-z](?:_\{?\w\}?)?\s*=)\s*$/;

/** The last box of a text that is not empty. Boxes side by side (`\boxed{1} and \boxed{2}`) are one answer: `1, 2`. */
export function lastBox(text: string): Box | undefined {
  const places = [...text.matchAll(BOX)].reverse();
  const joined: Box[] = [];
  for (const place of places) {
    const next = joined[0];
    const box = readBox(next === undefined ? text : text.slice(0, next.at), place);
    if (next === undefined && box.content === '') continue;
    if (box.content === undefined && next === undefined) return box;
    if (next !== undefined && !isJoined(text, box, next)) break;
    joined.unshift(box);
  }
  const last = joined.at(-1);
  if (last === undefined) return undefined;
  const contents = new Set(joined.map(({ at, content }) => `${nameBefore(text, at)}${content}`));
  return contents.size === 1 ? last : { ...last, content: [...contents].join(', ') };
}

/** Where the first box that is closed and not empty ends. */
export function endOfFirstBox(text: string): number | undefined {
  for (const { index, 0: box } of text.matchAll(BOX)) {
    const start = index + box.length;
    const content = text[start] === '{' ? braced(text.slice(0, start + LONGEST_BOX), start) : undefined;
    if (content !== undefined && content.trim() !== '') return start + content.length + 2;
  }
  return undefined;
}

function readBox(text: string, { 0: box, index: at }: RegExpExecArray): Box {
  const start = at + box.length;
  const isBraced = text[start] === '{';
  const content = isBraced ? braced(text, start) : /^[^\s{}$\\]*/.exec(text.slice(start, start + 100))?.[0];
  const end = content === undefined ? undefined : start + content.length + (isBraced ? 2 : 0);
  return { at, end, content: content?.trim() };
}

function isJoined(text: string, box: Box, next: Box): boolean {
  if (box.end === undefined || box.content === '' || next.at - box.end > LONGEST_JOINT) return false;
  return JOINT.test(text.slice(box.end, next.at));
}

function nameBefore(text: string, at: number): string {
  return NAME_BEFORE.exec(text.slice(Math.max(0, at - 20), at))?.[1] ?? '';
}

/** The content of the braces that open at `start`, or undefined when they never close. */
function braced(text: string, start: number): string | undefined {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return text.slice(start + 1, i);
  }
  return undefined;
}
