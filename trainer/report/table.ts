import type { DatasetResults, ResultRow, Trial } from './data.ts';
import * as format from './format.ts';
import { type Fragment, type Html, html } from './html.ts';
import { inSvg, path } from './plot.ts';
import { type Domain, extent, niceDomain, position, ticks } from './scale.ts';
import { BASE, meanTokens, trainedText } from './variants.ts';

type Colours = ReadonlyMap<string, string>;

/** A column: its heading, the group it belongs to, and what stands in a row. Columns that no row fills are left out. */
interface Column {
  readonly group: string;
  readonly head: Fragment;
  /** Heading for the narrow layout, where each row is a card. */
  readonly name: string;
  readonly className?: string;
  readonly cell: (row: ResultRow) => Fragment;
}

/** The results on one data set: a row for each variant, with the accuracy's interval drawn on an axis that all rows share. */
export function resultsTable(results: DatasetResults, colours: Colours): Html {
  const columns = columnsOf(results, colours).filter((c) => results.rows.some((row) => c.cell(row) !== undefined));
  return html`<table class="results">
<caption class="hidden">Results on ${results.dataset}</caption>
<thead>
<tr class="groups">${groups(columns).map(({ name, span }) => (name === '' ? html`<td colspan="${span}"></td>` : html`<th colspan="${span}" scope="colgroup"><span>${name}</span></th>`))}</tr>
<tr>${columns.map((c) => html`<th scope="col" class="${c.className ?? 'number'}">${c.head}</th>`)}</tr>
</thead>
<tbody>
${results.rows.map(
  (row) => html`<tr>${columns.map((c, i) => {
    const content = c.cell(row) ?? html`<span class="none" aria-label="not measured">–</span>`;
    return i === 0
      ? html`<th scope="row">${content}</th>`
      : html`<td class="${c.className ?? 'number'}" data-name="${c.name}"><span>${content}</span></td>`;
  })}</tr>
`,
)}</tbody></table>`;
}

function columnsOf(results: DatasetResults, colours: Colours): Column[] {
  const domain = accuracyDomain(results.rows);
  const base = results.rows.find((row) => row.variant === BASE);
  const samples = [...new Set(results.rows.flatMap((row) => row.passAt.map(({ k }) => k)))].sort((a, b) => a - b);
  return [
    { group: '', head: 'Variant', name: 'Variant', cell: (row) => variantCell(row, colours) },
    { group: 'Greedy answers', head: 'Accuracy', name: 'Accuracy', className: 'number wide', cell: accuracyCell },
    {
      group: 'Greedy answers',
      head: axis(domain),
      name: '95 % interval',
      className: 'whiskers wide',
      cell: (row) => whisker(row, domain, base, colours),
    },
    {
      group: 'Greedy answers',
      head: 'Against base',
      name: 'Against base',
      className: 'number wide',
      cell: (row) => againstBase(row, results),
    },
    ...samples.map((k) => ({
      group: 'Sampled answers',
      head: `pass@${k}`,
      name: `pass@${k}`,
      cell: (row: ResultRow) => optional(row.passAt.find((pass) => pass.k === k)?.value, format.percent),
    })),
    ...(['all', 'critical', 'other'] as const).map((which) => ({
      group: 'Token entropy, nats',
      head: which,
      name: `Entropy, ${which}`,
      cell: (row: ResultRow) => optional(row.entropy[which], format.nats),
    })),
    {
      group: 'Training',
      head: 'Tokens',
      name: 'Tokens trained',
      cell: (row) => optional(meanTokens(row), format.compact),
    },
    {
      group: 'Training',
      head: 'Best rate',
      name: 'Best learning rate',
      cell: (row) => bestRates(row.trials),
    },
  ];
}

function groups(columns: readonly Column[]): { name: string; span: number }[] {
  const result: { name: string; span: number }[] = [];
  for (const { group } of columns) {
    const last = result.at(-1);
    if (last?.name === group) last.span++;
    else result.push({ name: group, span: 1 });
  }
  return result;
}

function variantCell(row: ResultRow, colours: Colours): Html {
  const trial = row.trials[0];
  const note = row.variant === BASE ? 'before fine-tuning' : trial && trainedText(trial);
  return html`<span class="variant ${colours.get(row.variant)}">${row.variant}</span>${note && html`<small>${note}</small>`}`;
}

function accuracyCell(row: ResultRow): Html {
  return html`${format.percent(row.accuracy)}<small>${(row.low * 100).toFixed(1)}–${(row.high * 100).toFixed(1)}</small>`;
}

function againstBase(row: ResultRow, results: DatasetResults): Fragment {
  if (row.variant === BASE) return undefined;
  const comparison = results.comparisons.find((c) => c.first === BASE && c.second === row.variant);
  if (comparison === undefined) return undefined;
  const verdict = comparison.distinct ? (comparison.difference > 0 ? 'better' : 'worse') : 'within noise';
  const p = comparison.paired ? format.pEquation(comparison.paired.p) : undefined;
  return html`<span class="${comparison.distinct ? 'distinct' : 'noise'}">${format.points(comparison.difference)}</span><small>${comparison.distinct ? (p ?? verdict) : verdict}</small>`;
}

function bestRates(trials: readonly Trial[]): Fragment {
  const rates = [...new Set(trials.flatMap((trial) => trial.learningRate ?? []))].sort((a, b) => a - b);
  return rates.length === 0 ? undefined : rates.map(format.learningRate).join(', ');
}

function optional(value: number | undefined, text: (value: number) => string): Fragment {
  return value === undefined ? undefined : text(value);
}

function accuracyDomain(rows: readonly ResultRow[]): Domain {
  const { from, to } = extent(rows.flatMap((row) => [row.low, row.high])) ?? { from: 0, to: 1 };
  const nice = niceDomain({ from, to }, 4);
  return { from: Math.max(0, nice.from), to: Math.min(1, nice.to) };
}

function axis(domain: Domain): Html {
  const marks = ticks(domain, 4).map((at) => {
    const left = position(at, domain) * 100;
    return html`<span style="left:${left.toFixed(2)}%">${(at * 100).toFixed(0)}</span>`;
  });
  return html`<span class="hidden">95 % interval</span><span class="axis" aria-hidden="true">${marks}</span>`;
}

function whisker(row: ResultRow, domain: Domain, base: ResultRow | undefined, colours: Colours): Html {
  const at = (value: number) => inSvg(Math.min(1, Math.max(0, position(value, domain))));
  const grid = ticks(domain, 4)
    .map((tick) => `M${at(tick)} 0V1000`)
    .join('');
  return html`<span class="whisker" role="img" aria-label="95 % interval ${format.percent(row.low)} to ${format.percent(row.high)}"><svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">${[
    path('grid', grid),
    base && path('reference', `M${at(base.accuracy)} 0V1000`),
    path(`interval ${colours.get(row.variant)}`, `M${at(row.low)} 500H${at(row.high)}`),
    path(`dot bold ${colours.get(row.variant)}`, `M${at(row.accuracy)} 500h0`),
  ]}</svg></span>`;
}
