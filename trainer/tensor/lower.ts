import { gatherNarrow, useBfloat16 } from './bfloat16-products.ts';
import { type Attribute, DataType, type GraphNode, typeOf } from './graph-def.ts';

/** How a program's matrix products are computed; sums over them stay in fp32 either way. */
export type Precision = 'fp32' | 'bf16';

/** What products run on. */
export interface Products {
  readonly precision: Precision;
  /** Set if programs use the ops of trainer/kernels. */
  readonly kernels?: Kernels | undefined;
}

/** What the ops of trainer/kernels run on. */
export interface Kernels {
  /** Whether the processor has units for products of bfloat16s; with vectors alone they take longer than products of floats. */
  readonly bfloat16Units: boolean;
}

/** What is known of a node's inputs while tracing. */
export type ShapeOf = (output: string) => readonly number[] | undefined;

/** How the name of a permutation ends that swaps the axes of a matrix. */
export const SWAP = '/swap:0';

/** Bring a weight into panels, and out of them (trainer/kernels/panels.h). */
export const PACK = 'CftPack';
export const UNPACK = 'CftUnpack';

/**
 * tfjs issues BatchMatMulV2 for every product. For two matrices the plain MatMul op computes the same and is faster:
 * it needs no broadcasting, and oneDNN has a kernel for it.
 */
export function useMatMul(node: GraphNode, shapeOf: ShapeOf): GraphNode {
  if (node.op !== 'BatchMatMulV2' || !node.inputs.slice(0, 2).every((input) => shapeOf(input)?.length === 2))
    return node;
  const { adj_x = { bool: false }, adj_y = { bool: false }, ...rest } = node.attributes;
  return { ...node, op: 'MatMul', attributes: { ...rest, transpose_a: adj_x, transpose_b: adj_y } };
}

/** A value that is held in another form: what of it a node may read instead. */
export interface View {
  /** The value by columns, in fp32. */
  readonly transposed: string | undefined;
  /** The value in bfloat16; by columns if `transposed` is set. */
  readonly narrow: string | undefined;
  /** The value in panels, what these consist of, and how many columns they hold. */
  readonly panels?: { readonly output: string; readonly type: number; readonly columns: Attribute };
}

/** Values that were made of bfloat16s, of columns, of both or of panels, by their outputs. */
function viewsOf(nodes: readonly GraphNode[]): ReadonlyMap<string, View> {
  const views = new Map<string, View>();
  for (const { name, op, inputs, attributes } of nodes) {
    const [input = '', permutation = ''] = inputs;
    if (op === 'Cast' && typeOf(attributes.SrcT) === DataType.bfloat16)
      views.set(`${name}:0`, { transposed: undefined, narrow: input });
    if (op === 'Transpose' && permutation.endsWith(SWAP))
      views.set(`${name}:0`, { transposed: input, narrow: views.get(input)?.narrow });
    if (op === UNPACK && attributes.columns !== undefined)
      views.set(`${name}:0`, {
        transposed: undefined,
        narrow: undefined,
        panels: { output: input, type: typeOf(attributes.W) ?? DataType.float32, columns: attributes.columns },
      });
  }
  return views;
}

/** Rows of a weight that is held in panels. */
const LOOK_UP = 'CftLookUp';

const KERNELS = new Set(['CftDecoderLayers', 'CftGreedy']);

/**
 * A product of two matrices reads what is held by columns as it is, and transposes it on its way. A product with the transpose of what is held in
 * panels is an op of trainer/kernels, all of which read panels.
 */
function readHeld(node: GraphNode, views: ReadonlyMap<string, View>, zeros: ReadonlySet<string>): GraphNode {
  if (KERNELS.has(node.op)) return readPanels(node, views);
  if (node.op === 'GatherV2') return lookUp(node, views, zeros);
  if (node.op !== 'MatMul') return node;
  const [x = '', weight = '', ...waits] = node.inputs;
  const panels = views.get(weight)?.panels;
  if (panels !== undefined && isTrue(node.attributes.transpose_b) && !isTrue(node.attributes.transpose_a))
    return {
      ...node,
      op: 'CftLinear',
      inputs: [x, panels.output, ...waits],
      attributes: { columns: panels.columns, W: { type: panels.type } },
    };
  const inputs = [...node.inputs];
  const attributes = { ...node.attributes };
  for (const [index, flag] of (['transpose_a', 'transpose_b'] as const).entries()) {
    const columns = views.get(inputs[index] ?? '')?.transposed;
    if (columns === undefined) continue;
    inputs[index] = columns;
    attributes[flag] = { bool: !isTrue(attributes[flag]) };
  }
  return { ...node, inputs, attributes };
}

/** Weights are the first inputs of such an op. */
function readPanels(node: GraphNode, views: ReadonlyMap<string, View>): GraphNode {
  const panels = node.inputs.map((input) => views.get(input)?.panels);
  const { W } = node.attributes;
  const types = W !== undefined && 'types' in W ? W.types : [];
  return {
    ...node,
    inputs: node.inputs.map((input, i) => panels[i]?.output ?? input),
    attributes: { ...node.attributes, W: { types: types.map((type, i) => panels[i]?.type ?? type) } },
  };
}

/** Takes rows out of panels, instead of all panels apart to take some of their rows. */
function lookUp(node: GraphNode, views: ReadonlyMap<string, View>, zeros: ReadonlySet<string>): GraphNode {
  const [weight = '', rows = '', axis = '', ...waits] = node.inputs;
  const panels = views.get(weight)?.panels;
  if (panels === undefined || !zeros.has(axis)) return node;
  const attributes = { columns: panels.columns, W: { type: panels.type } };
  return { ...node, op: LOOK_UP, inputs: [panels.output, rows, ...waits], attributes };
}

/** Outputs of constants that are all zeros. */
function zerosAmong(nodes: readonly GraphNode[]): ReadonlySet<string> {
  const isZero = ({ op, attributes: { value } }: GraphNode) =>
    op === 'Const' && value !== undefined && 'tensor' in value && value.tensor.bytes.every((byte) => byte === 0);
  return new Set(nodes.filter(isZero).map(({ name }) => `${name}:0`));
}

function isTrue(attribute: Attribute | undefined): boolean {
  return attribute !== undefined && 'bool' in attribute && attribute.bool;
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

/**
 * A sum with rows that are scattered over zeros adds the rows to the other summand, which gives its memory away: the gradient of an embedding that
 * is the head too is such a sum, often the largest of all gradients.
 */
function scatterIntoSums(nodes: readonly GraphNode[], shapeOf: ShapeOf): GraphNode[] {
  const scatters = new Map(nodes.filter(({ op }) => op === 'ScatterNd').map((node) => [`${node.name}:0`, node]));
  return nodes.map((node) => {
    const [a = '', b = '', ...waits] = node.inputs;
    const [sum, scattered] = scatters.has(b) ? [a, b] : [b, a];
    const scatter = scatters.get(scattered);
    if (node.op !== 'Add' || scatter === undefined || String(shapeOf(a)) !== String(shapeOf(b))) return node;
    const [indices = '', updates = '', , ...more] = scatter.inputs;
    const { T, Tindices } = scatter.attributes;
    if (T === undefined || Tindices === undefined) return node;
    const inputs = [sum, indices, updates, ...waits, ...more];
    return { name: node.name, op: 'TensorScatterAdd', inputs, attributes: { T, Tindices } };
  });
}

/** Rewrites recorded nodes into those that run: the place for choices of kernel and precision. */
export function lower(nodes: readonly GraphNode[], shapeOf: ShapeOf, { precision, kernels }: Products): GraphNode[] {
  const views = viewsOf(nodes);
  const zeros = zerosAmong(nodes);
  const chosen = scatterIntoSums(dropIdleCasts(nodes), shapeOf)
    .map((node) => readHeld(useMatMul(node, shapeOf), views, zeros))
    .flatMap((node) => gatherNarrow(node, views));
  return precision === 'bf16' ? useBfloat16(chosen, views, kernels) : chosen;
}
