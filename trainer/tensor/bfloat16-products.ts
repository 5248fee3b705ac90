import { DataType, type GraphNode, typeOf } from './graph-def.ts';
import type { Kernels, View } from './lower.ts';

/** What values were made of, by their outputs. */
type Views = ReadonlyMap<string, View>;

const MATRIX_PRODUCTS = new Set(['MatMul', 'BatchMatMulV2']);

/**
 * Computes matrix products in bfloat16, every other op and all state in fp32 (what PyTorch's autocast does). Programs with the ops of
 * trainer/kernels leave attention in fp32, as these do.
 */
export function useBfloat16(nodes: readonly GraphNode[], views: Views, kernels: Kernels | undefined): GraphNode[] {
  if (kernels?.bfloat16Units === false) return roundFactors(nodes, views);
  const isNarrowed = ({ op, attributes }: GraphNode) =>
    MATRIX_PRODUCTS.has(op) && typeOf(attributes.T) === DataType.float32 && (kernels === undefined || op === 'MatMul');
  return nodes.flatMap((node) => (isNarrowed(node) ? multiplyBfloat16(node, views) : [node]));
}

/** Both factors are cast, unless they are held so, and the product is cast back. */
function multiplyBfloat16(node: GraphNode, views: Views): GraphNode[] {
  const casts: GraphNode[] = [];
  const factors = node.inputs.slice(0, 2).map((input, index) => {
    const view = views.get(input);
    if (view?.narrow !== undefined && view.transposed === undefined) return view.narrow;
    casts.push(cast(`${node.name}/in${index}`, input, DataType.float32, DataType.bfloat16));
    return `${node.name}/in${index}:0`;
  });
  const product: GraphNode = {
    ...node,
    name: `${node.name}/bf16`,
    inputs: [...factors, ...node.inputs.slice(2)],
    attributes: { ...node.attributes, T: { type: DataType.bfloat16 } },
  };
  return [...casts, product, cast(node.name, `${product.name}:0`, DataType.bfloat16, DataType.float32)];
}

/**
 * Multiplies rounded factors as floats. A factor is rounded when the other one is there too: else all weights, and what the way back needs of the way
 * forward, would be rounded at the beginning, and kept. What two products wait for, as both gradients do for that of the result, is rounded once.
 */
function roundFactors(nodes: readonly GraphNode[], views: Views): GraphNode[] {
  const order = new Map(nodes.map(({ name }, place) => [name, place]));
  const placeOf = (output: string) => order.get(nodeOf(output)) ?? -1;
  const shared = new Map<string, string>();
  return nodes.flatMap((node) => {
    if (node.op !== 'MatMul' || typeOf(node.attributes.T) !== DataType.float32) return [node];
    const [a = '', b = '', ...waits] = node.inputs;
    const rounding: GraphNode[] = [];
    const rounded = (factor: string, other: string, name: string) => {
      const view = views.get(factor);
      if (view?.narrow !== undefined || view?.panels?.type === DataType.int32) return factor;
      const isLater = placeOf(factor) > placeOf(other);
      const present = isLater ? shared.get(factor) : undefined;
      if (present !== undefined) return present;
      rounding.push({ name, op: 'CftRound', inputs: [factor, `^${nodeOf(other)}`], attributes: {} });
      if (isLater) shared.set(factor, `${name}:0`);
      return `${name}:0`;
    };
    const inputs = [rounded(a, b, `${node.name}/in0`), rounded(b, a, `${node.name}/in1`), ...waits];
    return [...rounding, { ...node, inputs }];
  });
}

function nodeOf(output: string): string {
  return output.split(':')[0] as string;
}

/** Rows of a table that is held in bfloat16 are taken before they are cast, not after the whole table was. */
export function gatherNarrow(node: GraphNode, views: Views): GraphNode[] {
  const view = views.get(node.inputs[0] ?? '');
  if (node.op !== 'GatherV2' || view?.narrow === undefined || view.transposed !== undefined) return [node];
  const gather: GraphNode = {
    ...node,
    name: `${node.name}/bf16`,
    inputs: [view.narrow, ...node.inputs.slice(1)],
    attributes: { ...node.attributes, Tparams: { type: DataType.bfloat16 } },
  };
  return [gather, cast(node.name, `${gather.name}:0`, DataType.bfloat16, DataType.float32)];
}

function cast(name: string, input: string, from: DataType, to: DataType): GraphNode {
  const attributes = { SrcT: { type: from }, DstT: { type: to }, Truncate: { bool: false } };
  return { name, op: 'Cast', inputs: [input], attributes };
}
