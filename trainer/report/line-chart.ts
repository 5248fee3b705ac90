import type { Html } from './html.ts';
import { inSvg, type Plot, path, plotFigure, type Stop } from './plot.ts';
import { type Domain, extent, niceDomain, position, ticks } from './scale.ts';

export interface Point {
  readonly x: number;
  /** Not finite where there is no value: the line has a gap there. */
  readonly y: number;
}

export interface Series {
  readonly name: string;
  /** Class of the colour, from `variantColours`. */
  readonly colour: string;
  /** Drawn bold over the others, labelled at its end and told first at the crosshair. */
  readonly emphasis: boolean;
  /** The label at the end of an emphasised line; none where it is empty. */
  readonly label: string;
  readonly points: readonly Point[];
}

export interface LineChart {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly xText: (x: number) => string;
  readonly yText: (y: number) => string;
  /** Ticks on the y axis; by default as the crosshair's values. */
  readonly yTick?: (y: number) => string;
  /** How the crosshair's box is headed, e.g. `step 120`. */
  readonly stopTitle: (x: number) => string;
  /** The y axis includes zero. */
  readonly fromZero?: boolean;
  readonly xScale?: 'linear' | 'log';
  /** There is nothing between whole numbers on the x axis. */
  readonly xWhole?: boolean;
  /** A dot at each point. */
  readonly dots?: boolean;
  readonly series: readonly Series[];
}

/** Lines that the crosshair's box can name, and places where it can stop. */
const NAMED = 8;
const STOPS = 160;

/** A line chart, or undefined when no series has a finite value. */
export function lineChart(chart: LineChart): Html | undefined {
  const series = chart.series
    .filter((s) => s.points.some((p) => Number.isFinite(p.y)))
    .sort((a, b) => Number(a.emphasis) - Number(b.emphasis));
  const points = series.flatMap((s) => s.points.filter((p) => Number.isFinite(p.y)));
  const toX = chart.xScale === 'log' ? Math.log10 : (x: number) => x;
  const xExtent = extent(points.map((p) => toX(p.x)));
  const yExtent = extent(points.map((p) => p.y));
  if (xExtent === undefined || yExtent === undefined) return undefined;
  const xDomain = chart.xScale === 'log' ? padded(xExtent) : { from: Math.min(0, xExtent.from), to: xExtent.to };
  const yDomain = niceDomain(chart.fromZero ? { from: Math.min(0, yExtent.from), to: yExtent.to || 1 } : yExtent);
  const place = { x: (x: number) => position(toX(x), xDomain), y: (y: number) => position(y, yDomain) };
  const inOrder = chart.series.filter((s) => series.includes(s));
  const named = [...inOrder.filter((s) => s.emphasis), ...inOrder.filter((s) => !s.emphasis)].slice(0, NAMED);
  const yTick = chart.yTick ?? chart.yText;
  const plot: Plot = {
    title: chart.title,
    x: {
      title: chart.xTitle,
      domain: xDomain,
      ticks: xTicks(chart, points, xDomain).map((x) => ({ at: toX(x), text: chart.xText(x) })),
    },
    y: { title: chart.yTitle, domain: yDomain, ticks: ticks(yDomain).map((y) => ({ at: y, text: yTick(y) })) },
    marks: series.flatMap((s) => marks(s, place, chart.dots ?? false)),
    ends: series
      .filter((s) => s.emphasis && s.label !== '')
      .map((s) => ({
        text: s.label,
        colour: s.colour,
        at: place.y(s.points.findLast((p) => Number.isFinite(p.y))?.y ?? 0),
      })),
    names: named.map(({ name, colour }) => ({ name, colour })),
    stops: stopsOf(chart, named, place.x),
  };
  return plotFigure(plot);
}

/**
 * At most `limit` points: each is the mean of a run of neighbours, at the last x of the run. Sums over runs of equal length, so that noise
 * is smoothed the same everywhere.
 */
export function binned(points: readonly Point[], limit: number): Point[] {
  if (points.length <= limit) return [...points];
  const size = Math.ceil(points.length / limit);
  const bins: Point[] = [];
  for (let start = 0; start < points.length; start += size) {
    const run = points.slice(start, start + size);
    bins.push({ x: run.at(-1)?.x ?? 0, y: run.reduce((sum, p) => sum + p.y, 0) / run.length });
  }
  return bins;
}

interface Place {
  x(x: number): number;
  y(y: number): number;
}

function marks({ points, colour, emphasis }: Series, place: Place, dots: boolean): Html[] {
  const line = emphasis ? 'line bold' : 'line';
  let d = '';
  let pen = 'M';
  for (const { x, y } of points) {
    if (!Number.isFinite(y)) {
      pen = 'M';
      continue;
    }
    d += `${pen}${inSvg(place.x(x))} ${inSvg(1 - place.y(y))}`;
    pen = 'L';
  }
  const finite = points.filter((p) => Number.isFinite(p.y));
  const result = [path(`${line} ${colour}`, d)];
  if (dots || finite.length === 1) {
    // A line of no length with round caps stays round however the plot is stretched.
    const at = finite.map(({ x, y }) => `M${inSvg(place.x(x))} ${inSvg(1 - place.y(y))}h0`).join('');
    result.push(path(emphasis ? `dot bold ${colour}` : `dot ${colour}`, at));
  }
  return result;
}

function stopsOf(chart: LineChart, named: readonly Series[], placeX: (x: number) => number): Stop[] {
  const every = [...new Set(named.flatMap((s) => s.points.map((p) => p.x)))].sort((a, b) => a - b);
  const stride = Math.max(1, Math.ceil(every.length / STOPS));
  const xs = every.filter((_, i) => i % stride === 0 || i === every.length - 1);
  const valueAt = named.map((s) => new Map(s.points.map((p) => [p.x, p.y])));
  return xs.map((x) => ({
    at: placeX(x),
    title: chart.stopTitle(x),
    values: valueAt.map((values) => {
      const y = values.get(x);
      return y === undefined || !Number.isFinite(y) ? '–' : chart.yText(y);
    }),
  }));
}

function xTicks(chart: LineChart, points: readonly Point[], domain: Domain): number[] {
  if (chart.xScale !== 'log') {
    const all = domain.from === domain.to ? [domain.from] : ticks(domain, 5);
    return chart.xWhole ? all.filter(Number.isInteger) : all;
  }
  return [...new Set(points.map((p) => p.x))].sort((a, b) => a - b);
}

function padded({ from, to }: Domain): Domain {
  const room = (to - from) * 0.06 || 0.5;
  return { from: from - room, to: to + room };
}
