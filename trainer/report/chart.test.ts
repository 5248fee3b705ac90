import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnChart } from './column-chart.ts';
import { binned, type LineChart, lineChart, type Series } from './line-chart.ts';
import { spread } from './plot.ts';

const series = (points: readonly [number, number][], more: Partial<Series> = {}): Series => ({
  name: 'cft 1e-4',
  label: 'cft',
  colour: 'v2',
  emphasis: true,
  points: points.map(([x, y]) => ({ x, y })),
  ...more,
});

const chart = (all: readonly Series[], more: Partial<LineChart> = {}): LineChart => ({
  title: 'Training loss',
  xTitle: 'optimizer step',
  yTitle: 'nats',
  xText: String,
  yText: String,
  stopTitle: (x) => `step ${x}`,
  series: all,
  ...more,
});

const markup = (all: readonly Series[], more: Partial<LineChart> = {}) => lineChart(chart(all, more))?.markup ?? '';
const pathsOf = (text: string) => [...text.matchAll(/<path class="line[^"]*" d="([^"]*)"/g)].map((match) => match[1]);
const dataOf = (text: string) => JSON.parse(/json">(.*?)<\/script>/.exec(text)?.[1] ?? 'null');

test('a line goes through its points, in a box of 1000 by 1000 with y upwards', () => {
  expect(
    pathsOf(
      markup([
        series([
          [0, 0],
          [5, 1],
          [10, 2],
        ]),
      ]),
    ),
  ).toEqual(['M0 1000L500 500L1000 0']);
});

test('a value that is missing leaves a gap, a single value a dot', () => {
  expect(
    pathsOf(
      markup([
        series([
          [0, 0],
          [1, Number.NaN],
          [2, 2],
          [4, 2],
        ]),
      ]),
    ),
  ).toEqual(['M0 1000M500 0L1000 0']);
  expect(markup([series([[3, 1]])])).toContain('class="dot bold v2"');
});

test('an axis of whole numbers has no ticks between them, and one from zero does not go below', () => {
  const ticksOf = (text: string, axis: string) =>
    [...text.matchAll(new RegExp(`class="${axis}"[^>]*>([^<]*)<`, 'g'))].map((match) => match[1]);
  const text = markup(
    [
      series([
        [0, 0],
        [1, 0],
      ]),
    ],
    { xWhole: true, fromZero: true },
  );
  expect(ticksOf(text, 'xt')).toEqual(['0', '1']);
  expect(ticksOf(text, 'yt')[0]).toBe('0');
});

test('there is no chart without a value', () => {
  expect(lineChart(chart([]))).toBeUndefined();
  expect(lineChart(chart([series([[0, Number.NaN]])]))).toBeUndefined();
});

test('the crosshair tells each value at its place, and a dash where a line has none', () => {
  const other = series([[10, 5]], { name: 'sft', colour: 'v1', emphasis: false });
  const data = dataOf(
    markup([
      other,
      series([
        [0, 1],
        [10, 2],
      ]),
    ]),
  );
  expect(data.names).toEqual([
    ['cft 1e-4', 'v2'],
    ['sft', 'v1'],
  ]);
  expect(data.stops).toEqual([
    [0, 'step 0', ['1', '–']],
    [1, 'step 10', ['2', '5']],
  ]);
});

test('every coordinate is a number in the box, whatever the values', () => {
  const value = fc.oneof(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY),
  );
  const points = fc.uniqueArray(fc.tuple(fc.nat(5000), value), { minLength: 1, maxLength: 30, selector: ([x]) => x });
  fc.assert(
    fc.property(fc.array(points, { minLength: 1, maxLength: 4 }), fc.boolean(), (lines, log) => {
      const all = lines.map((line) =>
        series(line.map(([x, y]) => [x + 1, y] as [number, number]).sort((a, b) => a[0] - b[0])),
      );
      for (const d of pathsOf(markup(all, log ? { xScale: 'log' } : {})))
        for (const coordinate of d?.match(/[^MLHh ]+/g) ?? []) {
          expect(Number(coordinate)).toBeGreaterThanOrEqual(0);
          expect(Number(coordinate)).toBeLessThanOrEqual(1000);
        }
    }),
  );
});

test('binning keeps the mean and the last place', () => {
  const points = Array.from({ length: 1000 }, (_, i) => ({ x: i + 1, y: i % 2 }));
  const bins = binned(points, 80);
  expect(bins.length).toBeLessThanOrEqual(80);
  expect(bins.at(-1)?.x).toBe(1000);
  expect(bins[0]?.y).toBeCloseTo(0.46, 1);
  expect(binned(points.slice(0, 10), 80)).toEqual(points.slice(0, 10));
});

test('labels that would overlap move apart, keep their order and stay inside', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 190 }), { maxLength: 10 }), (tops) => {
      const moved = spread(tops);
      const sorted = tops.map((top, i) => [top, moved[i] ?? 0] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      sorted.forEach(([, top], i) => {
        expect(top).toBeLessThanOrEqual(190);
        if (i > 0) expect(top - (sorted[i - 1]?.[1] ?? 0)).toBeGreaterThanOrEqual(16);
      });
    }),
  );
  expect(spread([20, 100])).toEqual([20, 100]);
});

test('columns stack from the bottom and say their values', () => {
  const text = columnChart({
    title: 'Where',
    xTitle: 'place',
    yTitle: 'share',
    xText: String,
    yText: String,
    names: [
      { name: 'a', colour: 'c3' },
      { name: 'b', colour: 'c2' },
    ],
    columns: [
      { from: 0, to: 1, parts: [1, 1], title: 'first', values: ['1', '1'] },
      { from: 1, to: 2, parts: [0, 4], title: 'second', values: ['0', '4'] },
    ],
  }).markup;
  const [a, b] = [...text.matchAll(/<path class="area c\d" d="([^"]*)"/g)].map((match) => match[1]);
  expect(a).toBe('M30 1000V750H470V1000Z');
  expect(b).toBe('M30 750V500H470V750ZM530 1000V0H970V1000Z');
  expect(dataOf(text).stops[1]).toEqual([0.75, 'second', ['0', '4']]);
});
