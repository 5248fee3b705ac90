import { DataType, type GraphNode } from './graph-def.ts';

/** How a program's matrix products are computed; sums over them stay in fp32 either way. */
export type Precision = 'fp32' | 'bf16';

/** What is known of a node's inputs while tracing. */
export type RankOf = (output: string) => number | undefined;

const MATRIX_PRODUCTS = new Set(['MatMul', 'BatchMatMulV2']);

/**
 * tfjs issues BatchMatMulV2 for every product. For two matrices the plain MatMul op computes the same and is faster:
 * it needs no broadcasting, and oneDNN has a kernel for it.
 */
export function useMatMul(node: GraphNode, rankOf: RankOf): GraphNode {
  if (node.op !== 'BatchMatMulV2' || !node.inputs.slice(0, 2).every((input) => rankOf(input) === 2)) return node;
  const { adj_x = { bool: false }, adj_y = { bool: false }, ...rest } = node.attributes;
  return { ...node, op: 'MatMul', attributes: { ...rest, transpose_a: adj_x, transpose_b: adj_y } };
}

/**
 * Computes a matrix product in bfloat16: both factors are cast, the product is cast back, so that every other op and all
 * state stay in fp32 (what PyTorch's autocast does). Other nodes pass unchanged.
 */
export function useBfloat16(node: GraphNode): GraphNode[] {
  const dtype = node.attributes.T;
  if (!MATRIX_PRODUCTS.has(node.op) || dtype === undefined || !('type' in dtype) || dtype.type !== DataType.float32)
    return [node];
  const cast = (name: string, input: string, from: number, to: number): GraphNode => ({
    name,
    op: 'Cast',
    inputs: [input],
    attributes: { SrcT: { type: from }, DstT: { type: to }, Truncate: { bool: false } },
  });
  const [a = '', b = '', ...controls] = node.inputs;
  const narrow = [a, b].map((input, index) =>
    cast(`${node.name}/in${index}`, input, DataType.float32, DataType.bfloat16),
  );
  const product: GraphNode = {
    ...node,
    name: `${node.name}/bf16`,
    inputs: [...narrow.map((n) => `${n.name}:0`), ...controls],
    attributes: { ...node.attributes, T: { type: DataType.bfloat16 } },
  };
  return [...narrow, product, cast(node.name, `${product.name}:0`, DataType.bfloat16, DataType.float32)];
}

/** tfjs casts float32 to float32 in places; the nodes that read such a cast read its input instead. */
export function dropIdleCasts(nodes: readonly GraphNode[]): GraphNode[] {
  const stands = new Map<string, string>();
  const awaited = new Set(nodes.flatMap(({ inputs }) => inputs.filter((input) => input.startsWith('^'))));
  return nodes.flatMap((node) => {
    const inputs = node.inputs.map((input) => stands.get(input) ?? input);
    const { SrcT: from, DstT: to } = node.attributes;
    if (
      node.op !== 'Cast' ||
      inputs.length !== 1 ||
      awaited.has(`^${node.name}`) ||
      JSON.stringify(from) !== JSON.stringify(to)
    )
      return [{ ...node, inputs }];
    stands.set(`${node.name}:0`, inputs[0] as string);
    return [];
  });
}

/** Rewrites recorded nodes into those that run: the place for choices of kernel and precision. */
export function lower(nodes: readonly GraphNode[], rankOf: RankOf, precision: Precision): GraphNode[] {
  const products = dropIdleCasts(nodes).map((node) => useMatMul(node, rankOf));
  return precision === 'bf16' ? products.flatMap(useBfloat16) : products;
}
