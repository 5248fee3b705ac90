import type { Summary, SummaryRow } from '../summary.ts';

/** The results as text: a table for each data set, then the warnings. */
export function formatSummary(summary: Summary): string {
  const tables = summary.datasets.map(({ name, rows }) => `${name}${countOf(rows)}\n${table(rows)}`);
  const warnings = summary.warnings.map(({ stage, message }) => `warning  ${stage}: ${message}\n`);
  return [...tables, ...(warnings.length === 0 ? [] : [warnings.join('')])].join('\n');
}

function countOf(rows: readonly SummaryRow[]): string {
  const count = rows[0]?.count;
  return count === undefined ? '' : ` (${count} questions)`;
}

function table(rows: readonly SummaryRow[]): string {
  const ks = [...new Set(rows.flatMap(({ passAt }) => passAt.map(({ k }) => k)))].sort((a, b) => a - b);
  const header = [
    '',
    'accuracy',
    '95 % interval',
    'entropy (nats)',
    ...ks.map((k) => `pass@${k}`),
    'tokens trained',
    'critical ratio',
    'learning rate',
  ];
  const body = rows.map((row) => [
    row.variant,
    percent(row.accuracy),
    row.accuracyLow === undefined || row.accuracyHigh === undefined
      ? '-'
      : `${percent(row.accuracyLow)} - ${percent(row.accuracyHigh)}`,
    fixed(row.entropy),
    ...ks.map((k) => percent(row.passAt.find((entry) => entry.k === k)?.value)),
    row.tokensTrained === undefined ? '-' : Math.round(row.tokensTrained).toLocaleString('en'),
    percent(row.criticalRatio),
    row.learningRate === undefined ? '-' : row.learningRate.toExponential(),
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...body.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(header), rule, ...body.map(line)].map((text) => `  ${text}\n`).join('');
}

function percent(ratio: number | undefined): string {
  return ratio === undefined ? '-' : `${(100 * ratio).toFixed(1)} %`;
}

function fixed(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(3);
}
