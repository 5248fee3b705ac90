import { describe, expect, test } from 'vitest';
import { knownMetrics, TARGET_LABELS } from './testing/metrics.ts';
import { dashboards, filledIn, panelQueries, partsOf } from './testing/queries.ts';

const VARIABLES = { namespace: 'team', run: 'first', job: 'cft-operator', __rate_interval: '1m' };

describe('the dashboards', () => {
  test.each(panelQueries().map(({ name, expr }) => [name, expr] as const))(
    '%s asks for metrics and labels that there are',
    (_, expr) => {
      const known = knownMetrics();
      const query = filledIn(expr, VARIABLES);
      expect(query).not.toContain('$');
      const { errors, selectors, grouping } = partsOf(query);
      expect(errors).toEqual([]);
      expect(selectors).not.toEqual([]);
      for (const { metric, labels } of selectors) {
        expect([...known.keys()]).toContain(metric);
        for (const label of labels) expect([...TARGET_LABELS, ...(known.get(metric) ?? [])]).toContain(label);
      }
      const labelsOfAll = selectors.flatMap(({ metric }) => known.get(metric) ?? []);
      for (const label of grouping) expect([...TARGET_LABELS, ...labelsOfAll]).toContain(label);
    },
  );

  test('no two panels of a dashboard lie on each other, and none sticks out', () => {
    for (const { panels } of dashboards()) {
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
      );
      expect(new Set(cells).size).toBe(cells.length);
      for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    }
  });

  test('each has an address of its own, and each panel a number and a description', () => {
    const all = dashboards();
    expect(new Set(all.map(({ uid }) => uid)).size).toBe(all.length);
    for (const { panels } of all) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      for (const panel of panels) if (panel.type !== 'row') expect(panel.description, panel.title).toMatch(/\w\.$/);
    }
  });
});

test('a query with an error, an unknown metric or an unknown label would be seen', () => {
  expect(partsOf('sum(rate(x[5m])').errors).not.toEqual([]);
  expect(partsOf('max by (le) (a_total{b="c"}) / up')).toEqual({
    errors: [],
    selectors: [
      { metric: 'a_total', labels: ['b'] },
      { metric: 'up', labels: [] },
    ],
    grouping: ['le'],
  });
});
