import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueGraphMode,
  type DataSourceRef,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import { PercentUnit } from '@grafana/grafana-foundation-sdk/units';

/** The Prometheus that the reader chooses at the top of the dashboard. */
export const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: '$datasource' };

/** What a panel says of itself. */
export interface PanelText {
  readonly title: string;
  /** What the numbers mean, for the panel's tooltip. */
  readonly description: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  /** Columns that it takes, of 24. */
  readonly span: number;
}

export interface Query {
  readonly expr: string;
  /** Name of a series, with its labels in double braces. */
  readonly legend?: string;
}

/** Values over time. A ratio is shown as a percentage. */
export function graph({ title, description, unit, span }: PanelText, ...queries: readonly Query[]): Builder<Panel> {
  const legend = new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.Table)
    .placement(LegendPlacement.Bottom)
    .showLegend(true)
    .calcs(['lastNotNull']);
  return new TimeSeries()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(span)
    .height(9)
    .fillOpacity(8)
    .spanNulls(false)
    .legend(legend)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .targets(queries.map(rangeQuery));
}

/** One number now, with its course behind it. */
export function stat({ title, description, unit, span }: PanelText, query: Query): Builder<Panel> {
  return new Stat()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(span)
    .height(4)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(last())
    .targets([rangeQuery(query, 0)]);
}

/** One bar a series, from 0 to 100 %. */
export function ratioBars({ title, description, span }: Omit<PanelText, 'unit'>, query: Query): Builder<Panel> {
  return new BarGauge()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(PercentUnit)
    .min(0)
    .max(1)
    .span(span)
    .height(9)
    .orientation(VizOrientation.Horizontal)
    .reduceOptions(last())
    .targets([rangeQuery(query, 0)]);
}

/** A query of a table. The labels of its answer are columns, shared with the other queries; its value is one if it has a name. */
export interface Column {
  readonly expr: string;
  readonly name?: string;
  readonly unit?: string;
}

/** What is so now: one row for each set of labels. */
export function table(
  { title, description, span }: Omit<PanelText, 'unit'>,
  columns: readonly Column[],
  link: { readonly column: string; readonly title: string; readonly url: string },
): Builder<Panel> {
  const shown: Record<string, string> = {};
  const hidden: Record<string, true> = { Time: true };
  for (const [index, { name }] of columns.entries())
    if (name === undefined) hidden[`Value #${refId(index)}`] = true;
    else shown[`Value #${refId(index)}`] = name;
  const panel = new Table()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .span(span)
    .height(12)
    .targets(columns.map(({ expr }, index) => query({ expr }, index).instant().format(PromQueryFormat.Table)))
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({ id: 'organize', options: { excludeByName: hidden, renameByName: shown } })
    .overrideByName(link.column, [{ id: 'links', value: [{ title: link.title, url: link.url }] }]);
  for (const { name, unit } of columns)
    if (name !== undefined && unit !== undefined) panel.overrideByName(name, [{ id: 'unit', value: unit }]);
  return panel;
}

function rangeQuery(asked: Query, index: number): DataqueryBuilder {
  return query(asked, index).range();
}

function query({ expr, legend }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(DATASOURCE)
    .refId(refId(index))
    .expr(expr)
    .legendFormat(legend ?? '');
}

function refId(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

function last(): ReduceDataOptionsBuilder {
  return new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false);
}
