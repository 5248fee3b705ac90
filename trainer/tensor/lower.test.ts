import { expect, test } from 'vitest';
import { DataType, type GraphNode } from './graph-def.ts';
import { lower } from './lower.ts';

const float = { type: DataType.float32 };
const flag = { bool: false };
const product = (name: string, a: string, b: string): GraphNode => ({
  name,
  op: 'BatchMatMulV2',
  inputs: [a, b],
  attributes: { T: float, adj_x: flag, adj_y: { bool: true } },
});
const cast = (name: string, input: string, to: number): GraphNode => ({
  name,
  op: 'Cast',
  inputs: [input],
  attributes: { SrcT: float, DstT: { type: to }, Truncate: flag },
});

test('products of two matrices become MatMul with the same transposes, others stay', () => {
  const shapes: Record<string, number[]> = { 'a:0': [2, 4], 'b:0': [3, 4], 'c:0': [5, 2, 4] };
  const [plain, batched] = lower([product('p', 'a:0', 'b:0'), product('q', 'c:0', 'b:0')], (output) => shapes[output], {
    precision: 'fp32',
  });
  expect(plain).toEqual({
    name: 'p',
    op: 'MatMul',
    inputs: ['a:0', 'b:0'],
    attributes: { T: float, transpose_a: flag, transpose_b: { bool: true } },
  });
  expect(batched).toEqual(product('q', 'c:0', 'b:0'));
});

test('in bf16 a product is cast on its way in and out under its old name, and nothing else is', () => {
  const nodes = lower([product('p', 'a:0', 'b:0'), cast('d', 'p:0', DataType.int32)], () => [2, 2, 2], {
    precision: 'bf16',
  });
  expect(nodes.map(({ name, op }) => `${name} ${op}`)).toEqual([
    'p/in0 Cast',
    'p/in1 Cast',
    'p/bf16 BatchMatMulV2',
    'p Cast',
    'd Cast',
  ]);
  expect(nodes[2]?.attributes.T).toEqual({ type: DataType.bfloat16 });
});

test('with kernels linear layers alone are in bf16: on a processor with units for it, and elsewhere of rounded factors', () => {
  const opsOf = (bfloat16Units: boolean) =>
    lower([product('p', 'a:0', 'b:0'), product('q', 'c:0', 'd:0')], (output) => (output < 'c' ? [2, 2] : [3, 2, 2]), {
      precision: 'bf16',
      kernels: { bfloat16Units },
    }).map(({ name, op }) => `${name} ${op}`);
  expect(opsOf(false)).toEqual(['p/in0 CftRound', 'p/in1 CftRound', 'p MatMul', 'q BatchMatMulV2']);
  expect(opsOf(true)).toEqual(['p/in0 Cast', 'p/in1 Cast', 'p/bf16 MatMul', 'p Cast', 'q BatchMatMulV2']);
});

test('what two products wait for is rounded once, and each factor when the other is there', () => {
  const negated: GraphNode = { name: 'dy', op: 'Neg', inputs: ['g:0'], attributes: { T: float } };
  const nodes = lower([negated, product('dx', 'dy:0', 'w:0'), product('dw', 'dy:0', 'x:0')], () => [2, 2], {
    precision: 'bf16',
    kernels: { bfloat16Units: false },
  });
  expect(nodes.filter(({ op }) => op === 'CftRound').map(({ name, inputs }) => [name, ...inputs])).toEqual([
    ['dx/in0', 'dy:0', '^w'],
    ['dx/in1', 'w:0', '^dy'],
    ['dw/in1', 'x:0', '^dy'],
  ]);
  expect(nodes.at(-1)?.inputs).toEqual(['dx/in0:0', 'dw/in1:0']);
});

test('a cast to the same type is left out, unless something waits for it', () => {
  const idle = cast('c', 'a:0', DataType.float32);
  const reader: GraphNode = { name: 'r', op: 'Neg', inputs: ['c:0'], attributes: { T: float } };
  expect(lower([idle, reader], () => [2, 2], { precision: 'fp32' })).toEqual([{ ...reader, inputs: ['a:0'] }]);
  const waiting = { ...reader, inputs: ['c:0', '^c'] };
  expect(lower([idle, waiting], () => [2, 2], { precision: 'fp32' })).toEqual([idle, waiting]);
  expect(lower([cast('c', 'a:0', DataType.int32), reader], () => [2, 2], { precision: 'fp32' })).toHaveLength(2);
});

test('rows that are scattered over zeros and added to a value of that shape are added to its rows', () => {
  const types = { T: float, Tindices: { type: DataType.int32 } };
  const scatter: GraphNode = { name: 's', op: 'ScatterNd', inputs: ['rows:0', 'x:0', 'shape:0'], attributes: types };
  const sum = (a: string, b: string): GraphNode => ({ name: 'y', op: 'Add', inputs: [a, b], attributes: { T: float } });
  const shapes: Record<string, number[]> = { 's:0': [5, 4], 'a:0': [5, 4], 'b:0': [1, 4] };
  const lowered = (node: GraphNode) => lower([scatter, node], (output) => shapes[output], { precision: 'fp32' })[1];
  const added = { name: 'y', op: 'TensorScatterAdd', inputs: ['a:0', 'rows:0', 'x:0'], attributes: types };
  expect([lowered(sum('a:0', 's:0')), lowered(sum('s:0', 'a:0'))]).toEqual([added, added]);
  expect(lowered(sum('s:0', 'b:0'))).toEqual(sum('s:0', 'b:0'));
});
