import { type Column, columnChart } from './column-chart.ts';
import type { Criterion, Criticality } from './data.ts';
import * as format from './format.ts';
import { type Html, html } from './html.ts';
import { standaloneText } from './tokens.ts';

/** Token texts listed. */
const TEXTS = 20;

/** How much is critical, in which responses, which tokens and where; undefined when nothing is annotated. */
export function criticalitySection(facts: Criticality | undefined, criterion: Criterion): Html | undefined {
  if (facts === undefined || facts.tokens === 0) return undefined;
  return html`<section id="criticality" aria-labelledby="criticality-title">
<h2 id="criticality-title">Criticality</h2>
<p class="intro">A token is critical when putting the model’s next choices in its place breaks the final answer. ${format.counted(facts.responses, 'response')} with ${format.counted(facts.tokens, 'token')} were annotated.</p>
${figures(facts, criterion)}
<div class="charts">${ratioHistogram(facts.ratios[criterion], criterion)}${positionChart(facts)}</div>
${textsList(facts, criterion)}
</section>`;
}

function figures(facts: Criticality, criterion: Criterion): Html {
  const { rollouts, entropy, tokens } = facts;
  const ran = rollouts.correct + rollouts.wrong;
  const other: Criterion = criterion === 'strict-2' ? 'strict-3' : 'strict-2';
  const share = { 'strict-2': facts.strict2 / tokens, 'strict-3': facts.strict3 / tokens };
  const items: (readonly [string, string, string] | undefined)[] = [
    [format.percent(share[criterion]), 'of tokens critical', `${criterion}; ${other} ${format.percent(share[other])}`],
    ran === 0
      ? undefined
      : [
          format.percent(rollouts.wrong / ran),
          'of replacements break the answer',
          `${format.counted(ran, 'rollout')}; ${format.count(rollouts.skipped)} not needed`,
        ],
    entropy.critical === undefined
      ? undefined
      : [
          format.nats(entropy.critical),
          'nats of entropy at critical tokens',
          entropy.other === undefined ? '' : `${format.nats(entropy.other)} at the others`,
        ],
  ];
  return html`<ul class="figures">${items.flatMap((item) => (item === undefined ? [] : html`<li><b>${item[0]}</b>${item[1]}<small>${item[2]}</small></li>`))}</ul>`;
}

function ratioHistogram(ratios: readonly number[], criterion: Criterion): Html {
  const highest = ratios.reduce((a, b) => Math.max(a, b), 0);
  const width = highest <= 0.25 ? 0.0125 : highest <= 0.5 ? 0.025 : 0.05;
  const bins = new Array<number>(Math.max(1, Math.ceil(highest / width - 1e-9))).fill(0);
  for (const ratio of ratios) {
    const bin = Math.min(bins.length - 1, Math.floor(ratio / width + 1e-9));
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / Math.max(1, ratios.length);
  const digits = width < 0.05 ? 1 : 0;
  return columnChart({
    title: 'Critical share of a response',
    xTitle: `% of its tokens critical (${criterion})`,
    yTitle: 'responses',
    yWhole: true,
    xText: (x) => String(Number((x * 100).toFixed(1))),
    yText: format.count,
    names: [{ name: 'responses', colour: 'c3' }],
    marker: { at: mean, text: `mean ${format.percent(mean, 0)}` },
    columns: bins.map(
      (n, i): Column => ({
        from: i * width,
        to: (i + 1) * width,
        parts: [n],
        title: `${(i * width * 100).toFixed(digits)} to ${format.percent((i + 1) * width, digits)} critical`,
        values: [format.count(n)],
      }),
    ),
  });
}

function positionChart(facts: Criticality): Html {
  const n = facts.positions.length;
  return columnChart({
    title: 'Where critical tokens are',
    xTitle: '% of the response before the token',
    yTitle: '% of the tokens there',
    xText: (x) => String(Math.round(x * 100)),
    yText: (y) => String(Number((y * 100).toFixed(1))),
    names: [
      { name: 'strict-3', colour: 'c3' },
      { name: 'strict-2 only', colour: 'c2' },
    ],
    columns: facts.positions.map((at, i): Column => {
      const shares = at.tokens === 0 ? [0, 0] : [at.strict3 / at.tokens, (at.strict2 - at.strict3) / at.tokens];
      return {
        from: i / n,
        to: (i + 1) / n,
        parts: shares,
        title: `${Math.round((i / n) * 100)} to ${format.percent((i + 1) / n, 0)} of the response`,
        values: shares.map((share) => format.percent(share)),
      };
    }),
  });
}

function textsList(facts: Criticality, criterion: Criterion): Html | undefined {
  const critical = (text: Criticality['texts'][number]) => (criterion === 'strict-2' ? text.strict2 : text.strict3);
  const shown = facts.texts.filter((text) => critical(text) > 0).slice(0, TEXTS);
  const most = critical(shown[0] ?? { text: '', tokens: 0, strict2: 0, strict3: 0 });
  if (shown.length === 0) return undefined;
  return html`<h3>Most often critical</h3>
<p class="intro">${shown.length < facts.distinctTexts ? `The first ${shown.length} of ${format.count(facts.distinctTexts)} token texts that were critical at least once` : 'Every token text that was critical at least once'}: how many times, and which share of all its occurrences that is.</p>
<ol class="texts">${shown.map((text) => {
    const times = critical(text);
    const share = format.percent(times / text.tokens, 0);
    return html`<li><code>${standaloneText(text.text)}</code><span class="bar"><i style="width:${((times / most) * 100).toFixed(1)}%"></i></span><span class="times">${format.count(times)}<span class="hidden"> times critical,</span></span><span class="share">${share}<span class="hidden"> of its occurrences</span></span></li>
`;
  })}</ol>`;
}
