import { createHash } from 'node:crypto';
import { criticalitySection } from './criticality-section.ts';
import type { ReportData, RunFacts, Warning } from './data.ts';
import { entropyFinding, findings, headline } from './findings.ts';
import * as format from './format.ts';
import { glossarySection } from './glossary.ts';
import { type Fragment, type Html, html, trusted } from './html.ts';
import { pageScript } from './script.ts';
import { styleSheet } from './style.ts';
import { resultsTable } from './table.ts';
import { responseFigure, tokenLegend } from './tokens.ts';
import { trainingSection } from './training-section.ts';
import { variantColours } from './variants.ts';

/** Examples shown at once; the others wait behind a click. */
const EXAMPLES_OPEN = 4;

/**
 * The report as one HTML file without references to anything outside it. Its content security policy allows the page's own script and
 * nothing else, so that a text from a data set could not load or run anything even if it became markup.
 */
export function renderPage(data: ReportData): string {
  const { run } = data;
  const sections: readonly (readonly [string, string, Html | undefined])[] = [
    ['results', 'Results', resultsSection(data)],
    ['training', 'Training', trainingSection(data.trials, variantColours(data))],
    ['criticality', 'Criticality', criticalitySection(data.criticality, run.criterion)],
    ['examples', 'Examples', examplesSection(data)],
    ['terms', 'Terms', glossarySection()],
  ];
  const present = sections.filter(([, , section]) => section !== undefined);
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${sha256(pageScript)}'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${run.name} · CFT report</title>
<link rel="icon" href="data:,">
<style>${trusted(styleSheet)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the results</a>
<header class="top">
<p class="kind">Critical Token Fine-tuning</p>
<h1>${run.name}</h1>
<p class="headline">${headline(data)}</p>
${factsList(run)}
<nav aria-label="Sections"><ul>${present.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>
<main id="main">
${warningsSection(data.warnings)}
${present.map(([, , section]) => section)}
<div id="tip" role="tooltip" hidden></div>
</main>
<footer><p>Made ${format.utc(run.reportedAt)}${run.versions.length > 0 && ` with ${run.versions.map((v) => v.join(' ')).join(', ')}`}. The numbers of this page are in <code>report.json</code> beside it.</p></footer>
<script>${trusted(pageScript)}</script>
</body>
</html>
`.markup;
}

function factsList(run: RunFacts): Html {
  const seconds = run.stages.reduce((sum, stage) => sum + (stage.seconds ?? 0), 0);
  const started = run.stages.flatMap((s) => s.startedAt ?? []).toSorted()[0];
  const { generated } = run;
  const facts: (readonly [string, Fragment] | undefined)[] = [
    run.model === undefined ? undefined : ['Model', html`<code>${run.model}</code>`],
    ...[...Map.groupBy(run.data, ({ role }) => role)].map(
      ([role, sets]) => [role, sets.map(({ source }) => html`<code class="line">${source}</code>`)] as const,
    ),
    ['Criterion', run.criterion],
    run.verifier === undefined ? undefined : ['Verifier', run.verifier],
    generated === undefined || generated.questions === 0
      ? undefined
      : [
          'Kept responses',
          `${format.count(generated.correct)} of ${format.count(generated.questions)} (${format.percent(generated.correct / generated.questions, 0)})`,
        ],
    started === undefined ? undefined : ['Started', format.utc(started)],
    seconds === 0 ? undefined : ['Computing time', stageTimes(run, seconds)],
  ];
  return html`<dl class="facts">${facts.flatMap((fact) => (fact === undefined ? [] : html`<div><dt>${fact[0]}</dt><dd>${fact[1]}</dd></div>`))}</dl>`;
}

function stageTimes(run: RunFacts, seconds: number): Html {
  const kinds = Map.groupBy(run.stages, (stage) => stage.kind);
  const parts = [...kinds].map(
    ([kind, stages]) => [kind, stages.reduce((sum, s) => sum + (s.seconds ?? 0), 0)] as const,
  );
  return html`${format.duration(seconds)}<small>${parts
    .filter(([, s]) => s > 0)
    .map(([kind, s]) => `${kind} ${format.duration(s)}`)
    .join(', ')}</small>`;
}

function warningsSection(warnings: readonly Warning[]): Fragment {
  if (warnings.length === 0) return undefined;
  return html`<section class="warnings" aria-labelledby="warnings-title">
<h2 id="warnings-title">Worth knowing first</h2>
<ul>${warnings.map(({ message, advice }) => html`<li>${message}${advice && html`<small>${advice}</small>`}</li>`)}</ul>
</section>`;
}

function resultsSection(data: ReportData): Html | undefined {
  if (data.results.length === 0) return undefined;
  const colours = variantColours(data);
  return html`<section id="results" aria-labelledby="results-title">
<h2 id="results-title">Results</h2>
${data.results.map((results) => {
  const found = findings(results);
  const entropy = entropyFinding(results);
  const questions = results.rows[0]?.count ?? 0;
  return html`<h3>${results.dataset}</h3><p class="intro">${format.counted(questions, 'question')}. The dotted line is the base model’s accuracy.</p>
${resultsTable(results, colours)}
${
  (found.length > 0 || entropy !== undefined) &&
  html`<dl class="findings">${found.map(
    (f) =>
      html`<div><dt>${f.title}</dt><dd${!f.distinct && html` class="noise"`}>${f.text}<small>${f.evidence}</small></dd></div>`,
  )}${entropy !== undefined && html`<div><dt>Token entropy</dt><dd>${entropy}</dd></div>`}</dl>`
}`;
})}
</section>`;
}

function examplesSection({ examples, run }: ReportData): Html | undefined {
  if (examples.length === 0) return undefined;
  const figures = examples.map((example, i) => responseFigure(example, run.criterion, i + 1));
  const more = figures.slice(EXAMPLES_OPEN);
  return html`<section id="examples" aria-labelledby="examples-title">
<h2 id="examples-title">Examples</h2>
<p class="intro">Correct responses of the base model, from few to many critical tokens. Point at a token, tap it, or focus a response and use the arrow keys, to see what else the model could have said there and where that led.</p>
${tokenLegend(run.criterion)}
${figures.slice(0, EXAMPLES_OPEN)}
${more.length > 0 && html`<details><summary>${format.counted(more.length, 'more response')}</summary>${more}</details>`}
</section>`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
