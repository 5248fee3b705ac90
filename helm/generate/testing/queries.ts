import { parser } from '@prometheus-io/lezer-promql';
import { z } from 'zod';
import { dashboardFiles } from '../dashboards/files.ts';

const Dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.string() })) }),
  panels: z.array(
    z.object({
      id: z.number(),
      type: z.string(),
      title: z.string(),
      description: z.string().optional(),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(z.object({ refId: z.string(), expr: z.string() })).default([]),
    }),
  ),
});
export type Dashboard = z.infer<typeof Dashboard>;

/** The dashboards of the chart, as Grafana reads them. */
export function dashboards(): Dashboard[] {
  return [...dashboardFiles().values()].map((text) => Dashboard.parse(JSON.parse(text)));
}

export interface PanelQuery {
  /** Dashboard, panel and letter. */
  readonly name: string;
  /** With Grafana's variables in it. */
  readonly expr: string;
}

/** Every query of every panel, and those behind the variables. */
export function panelQueries(): PanelQuery[] {
  return dashboards().flatMap(({ title, panels, templating }) => [
    ...panels.flatMap((panel) =>
      panel.targets.map(({ refId, expr }) => ({ name: `${title}: ${panel.title} ${refId}`, expr })),
    ),
    ...templating.list.flatMap(({ name, query }) => {
      const expr = /^label_values\((.*), \w+\)$/.exec(query)?.[1];
      return expr === undefined ? [] : [{ name: `${title}: variable ${name}`, expr }];
    }),
  ]);
}

/** A query as Grafana sends it. */
export function filledIn(expr: string, variables: Readonly<Record<string, string>>): string {
  return expr.replaceAll(/\$(\w+)/g, (found, name: string) => variables[name] ?? found);
}

export interface Selector {
  readonly metric: string;
  /** Labels that its matchers name. */
  readonly labels: readonly string[];
}

export interface QueryParts {
  /** Where it is no PromQL: the text there. */
  readonly errors: readonly string[];
  readonly selectors: readonly Selector[];
  /** Labels that it groups or joins by. */
  readonly grouping: readonly string[];
}

/** What a PromQL query is made of, by Prometheus's own grammar. */
export function partsOf(expr: string): QueryParts {
  const errors: string[] = [];
  const selectors: { metric: string; labels: string[] }[] = [];
  const grouping: string[] = [];
  parser.parse(expr).iterate({
    enter({ type, name, from, to, node }) {
      const text = expr.slice(from, to);
      if (type.isError) errors.push(expr.slice(Math.max(0, from - 20), to + 20));
      if (name === 'VectorSelector') selectors.push({ metric: '', labels: [] });
      const selector = selectors.at(-1);
      if (name === 'Identifier' && selector !== undefined) selector.metric = text;
      if (name !== 'LabelName') return;
      if (node.parent?.name === 'GroupingLabels') grouping.push(text);
      else selector?.labels.push(text);
    },
  });
  return { errors, selectors, grouping };
}
