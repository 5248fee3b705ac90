import { type Comparison, type Row, UNITS } from './pairs.ts';

const WIDTHS = [36, 36, 12, 12, 26];

/** Writes a title and the names of the columns. */
export function printHead(title: string): void {
  process.stdout.write(`\n${title}\n`);
  printCells(['what', 'against', 'ours', 'theirs', 'times as good (min-max)', 'same on both sides']);
}

/** Writes one row; a row that was left out says why. */
export function printRow(row: Row): void {
  printCells('leftOut' in row ? [row.name, row.peer, `left out: ${row.leftOut}`] : cellsOf(row));
}

/** A large number in units of 10^9. */
export function giga(value: number): string {
  return (value / 1e9).toPrecision(3);
}

function cellsOf({ name, peer, unit, ours, theirs, ratio, low, high, same }: Comparison): string[] {
  const range = low === high ? '' : ` (${low.toFixed(2)}-${high.toFixed(2)})`;
  return [name, peer, UNITS[unit](ours), UNITS[unit](theirs), `${ratio.toFixed(2)}${range}`, same];
}

function printCells(cells: readonly string[]): void {
  process.stdout.write(`${cells.map((cell, i) => cell.padEnd(WIDTHS[i] ?? 0)).join('')}\n`);
}
