import type { LogPoint, Trial } from './data.ts';
import * as format from './format.ts';
import { type Html, html } from './html.ts';
import { binned, type LineChart, lineChart, type Point, type Series } from './line-chart.ts';

type Colours = ReadonlyMap<string, string>;

/** Points of a training curve; more are averaged in runs, so that a long log stays a small page. */
const CURVE_POINTS = 80;

/** The curves of every trial and the table of trials, or undefined when the run has no training. */
export function trainingSection(trials: readonly Trial[], colours: Colours): Html | undefined {
  if (trials.length === 0) return undefined;
  const charts = trainingCharts(trials, colours);
  return html`<section id="training" aria-labelledby="training-title">
<h2 id="training-title">Training</h2>
<p class="intro">One line a trial: a variant at one learning rate and seed. The bold line is the trial that stands for its variant in the results.</p>
${charts.length === 0 ? html`<p class="empty">No trial has logged a step yet.</p>` : html`${legend(trials, colours)}<div class="charts">${charts}</div>`}
<details><summary>All ${format.counted(trials.length, 'trial')} in numbers</summary>${trialsTable(trials, colours)}</details>
</section>`;
}

/** Loss, accuracy, entropy and rate over the steps, and accuracy over the learning rates when several were tried. */
export function trainingCharts(trials: readonly Trial[], colours: Colours): Html[] {
  const step = {
    xTitle: 'optimizer step',
    xWhole: true,
    xText: format.count,
    stopTitle: (x: number) => `step ${format.count(x)}`,
  };
  const over = (value: (point: LogPoint) => number | undefined, limit = Number.POSITIVE_INFINITY) =>
    trials.map((trial) => seriesOf(trial, colours, binned(curve(trial, value), limit)));
  const run = Math.ceil(Math.max(0, ...trials.map((trial) => trial.log.length)) / CURVE_POINTS);
  const charts: (LineChart | undefined)[] = [
    {
      ...step,
      title: 'Training loss',
      yTitle: run > 1 ? `nats a trained token, mean of ${run} steps` : 'nats a trained token',
      yText: format.nats,
      yTick: short,
      series: over((p) => p.loss, CURVE_POINTS),
    },
    {
      ...step,
      title: 'Validation accuracy',
      yTitle: '% of validation questions',
      yText: (y) => format.percent(y),
      yTick: (y) => short(y * 100),
      dots: true,
      series: over((p) => p.validation?.accuracy),
    },
    {
      ...step,
      title: 'Validation loss',
      yTitle: 'nats a token',
      yText: format.nats,
      yTick: short,
      dots: true,
      series: over((p) => p.validation?.loss),
    },
    {
      ...step,
      title: 'Token entropy on validation',
      yTitle: 'nats',
      yText: format.nats,
      yTick: short,
      dots: true,
      series: over((p) => p.validation?.entropy),
    },
    {
      ...step,
      title: 'Learning rate',
      yTitle: 'per step',
      yText: format.learningRate,
      fromZero: true,
      // All rates end near zero: labels there would lie on each other.
      series: over((p) => p.learningRate, CURVE_POINTS).map((series) => ({ ...series, label: '' })),
    },
    sweepChart(trials, colours),
  ];
  return charts.flatMap((chart) => (chart === undefined ? [] : (lineChart(chart) ?? [])));
}

function seriesOf(trial: Trial, colours: Colours, points: readonly Point[]): Series {
  return {
    name: trialName(trial),
    label: trial.variant,
    colour: colours.get(trial.variant) ?? 'v7',
    emphasis: trial.chosen,
    points,
  };
}

function curve(trial: Trial, value: (point: LogPoint) => number | undefined): Point[] {
  return trial.log.flatMap((point) => {
    const y = value(point);
    return y === undefined ? [] : [{ x: point.step, y }];
  });
}

/** Best validation accuracy at each learning rate: the mean over seeds. */
function sweepChart(trials: readonly Trial[], colours: Colours): LineChart | undefined {
  const variants = [...new Set(trials.map((trial) => trial.variant))];
  const series = variants.map((variant): Series => {
    const rates = Map.groupBy(
      trials.filter((t) => t.variant === variant && t.learningRate !== undefined && t.validationAccuracy !== undefined),
      (trial) => trial.learningRate ?? 0,
    );
    const points = [...rates].map(([x, group]) => ({ x, y: mean(group.map((t) => t.validationAccuracy ?? 0)) }));
    return {
      name: variant,
      label: variant,
      colour: colours.get(variant) ?? 'v7',
      emphasis: true,
      points: points.toSorted((a, b) => a.x - b.x),
    };
  });
  if (!series.some((s) => s.points.length > 1)) return undefined;
  return {
    title: 'Learning-rate sweep',
    xTitle: 'peak learning rate (logarithmic)',
    yTitle: '% of validation questions, best step',
    xText: format.learningRate,
    yText: (y) => format.percent(y),
    yTick: (y) => short(y * 100),
    stopTitle: (x) => `learning rate ${format.learningRate(x)}`,
    xScale: 'log',
    dots: true,
    series,
  };
}

function legend(trials: readonly Trial[], colours: Colours): Html {
  const variants = [...new Set(trials.map((trial) => trial.variant))];
  return html`<ul class="legend">${variants.map((v) => html`<li><span class="variant ${colours.get(v)}">${v}</span></li>`)}</ul>`;
}

function trialsTable(trials: readonly Trial[], colours: Colours): Html {
  const value = <T>(x: T | undefined, text: (x: T) => string) => (x === undefined ? '–' : text(x));
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Trials"><table class="trials">
<thead><tr><th scope="col">Trial</th><th scope="col">Rate</th><th scope="col">Seed</th><th scope="col">Steps</th><th scope="col">Best step</th><th scope="col">Validation accuracy</th><th scope="col">Validation loss</th><th scope="col">Entropy</th><th scope="col">Tokens trained</th></tr></thead>
<tbody>${trials.map(
    (
      trial,
    ) => html`<tr${trial.chosen && html` class="chosen"`}><th scope="row"><span class="variant ${colours.get(trial.variant)}">${trial.variant}</span>${trial.chosen && html` <em>chosen</em>`}${!trial.finished && html` <em>unfinished</em>`}</th>
<td>${value(trial.learningRate, format.learningRate)}</td><td>${value(trial.seed, String)}</td><td>${value(trial.steps, format.count)}</td><td>${value(trial.bestStep, format.count)}</td>
<td>${value(trial.validationAccuracy, (x) => format.percent(x))}</td><td>${value(trial.validationLoss, format.nats)}</td><td>${value(trial.validationEntropy, format.nats)}</td><td>${value(trial.tokensTrained, format.compact)}</td></tr>
`,
  )}</tbody></table></div>`;
}

function trialName(trial: Trial): string {
  const rate =
    trial.learningRate === undefined ? trial.name : `${trial.variant} ${format.learningRate(trial.learningRate)}`;
  return trial.seed === undefined || trial.seed === 0 ? rate : `${rate}, seed ${trial.seed}`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4))).replace(/^-/, '−');
}
