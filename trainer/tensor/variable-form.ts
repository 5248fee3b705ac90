import { packBfloat16, unpackBfloat16 } from './bfloat16.ts';
import { type Attribute, DataType, type GraphNode } from './graph-def.ts';
import { PACK, SWAP, UNPACK } from './lower.ts';
import type { TensorSpec, TypedArray, VariableSpec } from './session.ts';

/** Columns of a panel: kPanelColumns of trainer/kernels/product.h. */
const PANEL_COLUMNS = 48;

type Attributes = Readonly<Record<string, Attribute>>;

const WIDEN: Attributes = {
  SrcT: { type: DataType.bfloat16 },
  DstT: { type: DataType.float32 },
  Truncate: { bool: false },
};

const TRANSPOSE: Attributes = { T: { type: DataType.float32 }, Tperm: { type: DataType.int32 } };

const RESHAPE: Attributes = { T: { type: DataType.bfloat16 }, Tshape: { type: DataType.int32 } };

/** The form that a graph variable's value is held in, and the ops that bring it there and back. */
export class VariableForm {
  readonly #spec: VariableSpec;
  /** Whether two values lie in four bytes, as bfloat16s. */
  readonly #narrow: boolean;
  readonly #layout: 'rows' | 'columns' | 'panels';

  /** @param kernels whether programs use the ops of trainer/kernels */
  constructor(spec: VariableSpec, kernels: boolean) {
    const { bfloat16 = false, linear = false, lookedUp = false } = spec.held ?? {};
    this.#spec = spec;
    this.#narrow = bfloat16 && (spec.shape.at(-1) ?? 1) % 2 === 0;
    const isInPanels = kernels && (linear || lookedUp);
    this.#layout = isInPanels ? 'panels' : linear && !lookedUp ? 'columns' : 'rows';
  }

  /** Whether it is the value itself, which programs can write. */
  get isPlain(): boolean {
    return !this.#narrow && this.#layout === 'rows';
  }

  /** The resource's element type. In panels two bfloat16s are a word. */
  get attributes() {
    const narrow = this.#layout === 'panels' ? DataType.int32 : DataType.bfloat16;
    return { dtype: { type: this.#narrow ? narrow : DataType[this.#spec.dtype] } };
  }

  /** What goes between the host and the variable: its values, or two of them in an int32. */
  get transfer(): TensorSpec {
    const { shape } = this.#spec;
    return this.#narrow ? { shape: [...shape.slice(0, -1), (shape.at(-1) as number) / 2], dtype: 'int32' } : this.#spec;
  }

  toTransfer(values: TypedArray): TypedArray {
    return this.#narrow ? packBfloat16(values as Float32Array) : values;
  }

  fromTransfer(values: TypedArray): TypedArray {
    return this.#narrow ? unpackBfloat16(values as Int32Array) : values;
  }

  /**
   * Adds what makes a program's value of what is held. A lowering step lets products read what is held, and leaves these nodes out.
   *
   * @param held     name of the node that reads the variable
   * @param variable name of the variable's own node
   * @returns name of the node with the value
   */
  addValue(
    add: (op: string, attributes: Attributes, inputs: readonly string[]) => string,
    held: string,
    variable: string,
  ): string {
    if (this.#layout === 'panels') return add(UNPACK, this.#unpacked(DataType.float32), [`${held}:0`]);
    const wide = this.#narrow ? add('Cast', WIDEN, [`${held}:0`]) : held;
    return this.#layout === 'columns' ? add('Transpose', TRANSPOSE, [`${wide}:0`, `${variable}${SWAP}`]) : wide;
  }

  /** The nodes that every session needs for a variable, whatever its programs do: `value` is fed, `loaded` loads it, `read` fetches it. */
  serviceNodes(node: string): GraphNode[] {
    const { attributes, transfer } = this;
    const handle = {
      ...attributes,
      shape: { shape: this.#heldShape },
      shared_name: { string: node },
      container: { string: '' },
    };
    const type = { type: DataType[transfer.dtype] };
    const nodes: GraphNode[] = [
      { name: node, op: 'VarHandleOp', inputs: [], attributes: handle },
      {
        name: `${node}/value`,
        op: 'Placeholder',
        inputs: [],
        attributes: { dtype: type, shape: { shape: transfer.shape } },
      },
      { name: `${node}/held`, op: 'ReadVariableOp', inputs: [node], attributes },
    ];
    const add = (name: string, op: string, input: string, attributes: Attributes, ...more: string[]) => {
      nodes.push({ name: `${node}/${name}`, op, inputs: [`${node}/${input}:0`, ...more], attributes });
      return name;
    };
    let [into, out] = ['value', 'held'];
    if (this.#isHalves) {
      nodes.push(constant(`${node}/shape`, this.#spec.shape));
      into = add('halves', 'Bitcast', into, bitcast('int32', 'bfloat16'));
      into = add('wide', 'Reshape', into, RESHAPE, `${node}/shape:0`);
    }
    if (this.#layout === 'columns') {
      const transpose = { T: attributes.dtype, Tperm: { type: DataType.int32 } };
      nodes.push(constant(`${node}/swap`, [1, 0]));
      into = add('columns', 'Transpose', into, transpose, `${node}${SWAP}`);
      out = add('rows', 'Transpose', out, transpose, `${node}${SWAP}`);
    }
    if (this.#layout === 'panels') {
      into = add('panels', PACK, into, { W: type });
      out = add('rows', UNPACK, out, this.#unpacked(type.type));
    }
    if (this.#isHalves) {
      nodes.push(constant(`${node}/pairs`, [...transfer.shape, 2]));
      out = add('paired', 'Reshape', out, RESHAPE, `${node}/pairs:0`);
      out = add('words', 'Bitcast', out, bitcast('bfloat16', 'int32'));
    }
    add('read', 'Identity', out, { T: type });
    nodes.push({ name: `${node}/load`, op: 'AssignVariableOp', inputs: [node, `${node}/${into}:0`], attributes });
    nodes.push(constant(`${node}/loaded`, [0], [`^${node}/load`]));
    return nodes;
  }

  get #isHalves(): boolean {
    return this.#narrow && this.#layout !== 'panels';
  }

  get #heldShape(): readonly number[] {
    const { shape } = this.#layout === 'panels' ? this.transfer : this.#spec;
    const [columns = 1, depth = 1] = shape;
    if (this.#layout === 'panels') return [Math.ceil(columns / PANEL_COLUMNS), depth, PANEL_COLUMNS];
    return this.#layout === 'columns' ? [depth, columns] : shape;
  }

  /** Of the op that brings panels out, as values of this type. */
  #unpacked(type: number): Attributes {
    return { columns: { int: this.#spec.shape[0] ?? 1 }, W: this.attributes.dtype, R: { type } };
  }
}

function constant(name: string, values: readonly number[], inputs: readonly string[] = []): GraphNode {
  const bytes = new Uint8Array(Int32Array.from(values).buffer);
  const tensor = { dtype: DataType.int32, shape: [values.length], bytes };
  return { name, op: 'Const', inputs, attributes: { dtype: { type: DataType.int32 }, value: { tensor } } };
}

function bitcast(from: 'int32' | 'bfloat16', to: 'int32' | 'bfloat16'): Attributes {
  return { T: { type: DataType[from] }, type: { type: DataType[to] } };
}
