import type { Html } from './html.ts';
import { inSvg, path, plotFigure, type StopName } from './plot.ts';
import { niceDomain, position, ticks } from './scale.ts';

/** Columns between `from` and `to` on the x axis; `parts` are stacked from the bottom, one for each name. */
export interface Column {
  readonly from: number;
  readonly to: number;
  readonly parts: readonly number[];
  /** How the crosshair's box is headed at this column. */
  readonly title: string;
  /** What the box says for each name. */
  readonly values: readonly string[];
}

export interface ColumnChart {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly xText: (x: number) => string;
  readonly yText: (y: number) => string;
  /** The y axis counts: there is nothing between whole numbers. */
  readonly yWhole?: boolean;
  readonly names: readonly StopName[];
  readonly columns: readonly Column[];
  /** A vertical line with a word at it, e.g. the mean. */
  readonly marker?: { readonly at: number; readonly text: string };
}

/** A column chart: histogram, or stacked shares. `columns` must not be empty. */
export function columnChart(chart: ColumnChart): Html {
  const { columns, names } = chart;
  const x = { from: Math.min(...columns.map((c) => c.from)), to: Math.max(...columns.map((c) => c.to)) };
  const totals = columns.map((c) => c.parts.reduce((sum, part) => sum + part, 0));
  const y = niceDomain({ from: 0, to: Math.max(...totals) || 1 });
  const yTicks = chart.yWhole ? ticks(y).filter(Number.isInteger) : ticks(y);
  const marks = names.map(({ colour }, n) =>
    path(`area ${colour}`, columns.map((column) => rectangle(column, n, x, y)).join('')),
  );
  return plotFigure({
    title: chart.title,
    x: { title: chart.xTitle, domain: x, ticks: ticks(x, 5).map((at) => ({ at, text: chart.xText(at) })) },
    y: { title: chart.yTitle, domain: y, ticks: yTicks.map((at) => ({ at, text: chart.yText(at) })) },
    marks: chart.marker ? [...marks, path('marker', `M${inSvg(position(chart.marker.at, x))} 0V1000`)] : marks,
    ends: [],
    notes: chart.marker ? [{ text: chart.marker.text, at: position(chart.marker.at, x) }] : [],
    names,
    stops: columns.map((c) => ({ at: position((c.from + c.to) / 2, x), title: c.title, values: c.values })),
  });
}

function rectangle(column: Column, part: number, x: Parameters<typeof position>[1], y: typeof x): string {
  const height = column.parts[part] ?? 0;
  if (height === 0) return '';
  const below = column.parts.slice(0, part).reduce((sum, each) => sum + each, 0);
  const room = (position(column.to, x) - position(column.from, x)) * 0.06;
  const [left, right] = [inSvg(position(column.from, x) + room), inSvg(position(column.to, x) - room)];
  const [bottom, top] = [inSvg(1 - position(below, y)), inSvg(1 - position(below + height, y))];
  return `M${left} ${bottom}V${top}H${right}V${bottom}Z`;
}
