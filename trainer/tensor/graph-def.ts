import { bytesField, floatField, intField, message } from './proto.ts';

/** TensorFlow's element type numbers (tensorflow/core/framework/types.proto). */
export const DataType = {
  float32: 1,
  int32: 3,
  string: 7,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  half: 19,
  resource: 20,
} as const;
export type DataType = (typeof DataType)[keyof typeof DataType];

/** A node's attribute: one of the kinds that GraphDef knows and that we use. */
export type Attribute =
  | { readonly type: number }
  | { readonly types: readonly number[] }
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly shape: readonly number[] }
  | { readonly tensor: { readonly dtype: number; readonly shape: readonly number[]; readonly bytes: Uint8Array } };

/** One operation of a graph. An input is `node:output`; a control input, which only orders, is `^node`. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** The element type that an attribute is. */
export function typeOf(attribute: Attribute | undefined): number | undefined {
  return attribute !== undefined && 'type' in attribute ? attribute.type : undefined;
}

function shapeProto(shape: readonly number[]): Buffer {
  return message(...shape.map((size) => bytesField(2, intField(1, size))));
}

function attributeValue(attribute: Attribute): Buffer {
  if ('type' in attribute) return intField(6, attribute.type);
  if ('types' in attribute) return bytesField(1, message(...attribute.types.map((type) => intField(6, type))));
  if ('int' in attribute) return intField(3, attribute.int);
  if ('ints' in attribute) return bytesField(1, message(...attribute.ints.map((value) => intField(3, value))));
  if ('float' in attribute) return floatField(4, attribute.float);
  if ('bool' in attribute) return intField(5, attribute.bool ? 1 : 0);
  if ('string' in attribute) return bytesField(2, attribute.string);
  if ('shape' in attribute) return bytesField(7, shapeProto(attribute.shape));
  const { dtype, shape, bytes } = attribute.tensor;
  return bytesField(8, message(intField(1, dtype), bytesField(2, shapeProto(shape)), bytesField(4, bytes)));
}

function nodeDef(node: GraphNode): Buffer {
  return message(
    bytesField(1, node.name),
    bytesField(2, node.op),
    ...node.inputs.map((input) => bytesField(3, input)),
    ...Object.entries(node.attributes).map(([name, value]) =>
      bytesField(5, message(bytesField(1, name), bytesField(2, attributeValue(value)))),
    ),
  );
}

/** The GraphDef version that TensorFlow 2.21 writes; an older number turns newer op semantics off. */
const PRODUCER_VERSION = 1395;

/** The bytes of a `saved_model.pb` with one MetaGraph, tagged `serve`, that holds the nodes. */
export function savedModel(nodes: readonly GraphNode[]): Buffer {
  const graph = message(
    ...nodes.map((node) => bytesField(1, nodeDef(node))),
    bytesField(4, intField(1, PRODUCER_VERSION)),
  );
  const metaInfo = bytesField(4, 'serve');
  const metaGraph = message(bytesField(1, metaInfo), bytesField(2, graph));
  return message(intField(1, 1), bytesField(2, metaGraph));
}
