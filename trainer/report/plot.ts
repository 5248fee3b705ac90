import { type Fragment, type Html, html, jsonData, trusted } from './html.ts';
import { type Domain, position } from './scale.ts';

/**
 * Charts are layered: an SVG stretched over the plot area holds the marks (coordinates 0 to 1000 both ways, strokes that do not scale),
 * and text lies over it as HTML at percentages. So a chart fits any width while its text keeps its size, without a script.
 */
export const SPAN = 1000;

export interface Axis {
  /** What is measured, with its unit. */
  readonly title: string;
  readonly domain: Domain;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

/** What the crosshair says at one place: a title and one value for each name. */
export interface Stop {
  /** 0 to 1 along the x axis. */
  readonly at: number;
  readonly title: string;
  readonly values: readonly string[];
}

/** The rows of a crosshair's box: a name and the class of its colour. */
export interface StopName {
  readonly name: string;
  readonly colour: string;
}

export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Marks in the SVG's coordinates, from `path` below. */
  readonly marks: readonly Html[];
  /** Text at the right end of lines; `at` is 0 (bottom) to 1 (top). */
  readonly ends: readonly { readonly text: string; readonly colour: string; readonly at: number }[];
  /** Words over the plot, at 0 to 1 along the x axis. */
  readonly notes?: readonly { readonly text: string; readonly at: number }[];
  readonly names: readonly StopName[];
  readonly stops: readonly Stop[];
}

/** Height of the plot area in CSS pixels, and the room that one end label needs. */
const HEIGHT = 190;
const LABEL_HEIGHT = 16;

/** A figure with axes, marks and a crosshair that follows the pointer or the arrow keys. */
export function plotFigure(plot: Plot): Html {
  const { x, y, stops } = plot;
  const last = stops.at(-1);
  const grid = y.ticks.map((tick) => `M0 ${inSvg(1 - position(tick.at, y.domain))}H${SPAN}`).join('');
  return html`<figure class="chart">
<figcaption><b>${plot.title}</b><span>${y.title}</span></figcaption>
<div class="frame${plot.ends.length > 0 && ' ended'}">
<div class="plot" tabindex="0" role="slider" aria-label="${plot.title}, ${y.title}, by ${x.title}" aria-orientation="horizontal"
 aria-valuemin="0" aria-valuemax="${Math.max(0, stops.length - 1)}" aria-valuenow="${Math.max(0, stops.length - 1)}" aria-valuetext="${last ? spoken(last, plot.names) : 'no values'}">
<svg viewBox="0 0 ${SPAN} ${SPAN}" preserveAspectRatio="none" aria-hidden="true"><path class="grid" d="${grid}"/>${plot.marks}</svg>
${y.ticks.map((tick) => label('yt', 'top', 1 - position(tick.at, y.domain), tick.text))}
${x.ticks.map((tick) => label('xt', 'left', position(tick.at, x.domain), tick.text))}
${spread(plot.ends.map((end) => (1 - end.at) * HEIGHT)).map((top, i) => endLabel(plot.ends[i], top))}
${plot.notes?.map((note) => label(note.at > 0.5 ? 'note left' : 'note', 'left', note.at, note.text))}
<i class="hair"></i></div></div>
<p class="xl">${x.title}</p>
<script type="application/json">${jsonData({ names: plot.names.map(({ name, colour }) => [name, colour]), stops: stops.map((s) => [round(s.at), s.title, s.values]) })}</script>
</figure>`;
}

/** A stroke or area in the SVG's coordinates. */
export function path(className: string, d: string): Html {
  return html`<path class="${className}" d="${trusted(d)}"/>`;
}

/** A coordinate: 0 to 1 -> 0 to 1000, one decimal. */
export function inSvg(share: number): number {
  return Math.round(share * SPAN * 10) / 10;
}

/**
 * Moves labels apart that would overlap, as little as needed and keeping their order, and keeps them inside the plot.
 *
 * @param tops wished distances from the top, in pixels
 */
export function spread(tops: readonly number[], gap = LABEL_HEIGHT, height = HEIGHT): number[] {
  const order = tops.map((top, i) => ({ top, i })).sort((a, b) => a.top - b.top || a.i - b.i);
  let floor = Number.NEGATIVE_INFINITY;
  for (const item of order) {
    item.top = Math.max(item.top, floor);
    floor = item.top + gap;
  }
  let ceiling = height;
  for (const item of order.reverse()) {
    item.top = Math.min(item.top, ceiling);
    ceiling = item.top - gap;
  }
  const result = [...tops];
  for (const { top, i } of order) result[i] = top;
  return result;
}

function label(className: string, side: string, share: number, text: string): Html {
  return html`<span class="${className}" style="${side}:${round(share * 100)}%" aria-hidden="true">${text}</span>`;
}

function endLabel(end: Plot['ends'][number] | undefined, top: number): Fragment {
  return end && html`<span class="end ${end.colour}" style="top:${round(top)}px" aria-hidden="true">${end.text}</span>`;
}

function spoken(stop: Stop, names: readonly StopName[]): string {
  return [stop.title, ...names.map(({ name }, i) => `${name} ${stop.values[i] ?? ''}`)].join(', ');
}

function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
