import type { Tensor } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import { adamScalars, runAdamW } from './adamw-update.ts';
import { packBfloat16, unpackBfloat16 } from './bfloat16.ts';
import { DataType, type GraphNode } from './graph-def.ts';
import { kernels } from './kernels.ts';
import { PACK, SWAP, UNPACK } from './lower.ts';
import type { Recorder } from './recorder.ts';
import type { AdamWUpdate, DType, TensorSpec, TypedArray, Variable, VariableSpec } from './session.ts';
import { tf } from './tf.ts';

const WIDEN = {
  SrcT: { type: DataType.bfloat16 },
  DstT: { type: DataType.float32 },
  Truncate: { bool: false },
} as const;

/** Columns of a panel: kPanelColumns of trainer/kernels/product.h. */
const PANEL_COLUMNS = 48;

const TRANSPOSE = { T: { type: DataType.float32 }, Tperm: { type: DataType.int32 } } as const;

/** What a graph variable needs of the session that owns it. */
export interface VariableHost {
  /** Whether programs use the ops of trainer/kernels. */
  readonly kernels: boolean;
  /** The record of the program whose body runs at the moment; an error outside of one. */
  recorder(): Recorder;
  load(variable: GraphVariable, values: TypedArray): void;
  values(variable: GraphVariable): TypedArray;
}

/** Where one program stands with one variable: what reads and writes must wait for. */
interface Trace {
  lastWrite: string | undefined;
  reads: string[];
  current: { readonly output: string; readonly tensor: Tensor } | undefined;
}

/** A TensorFlow resource variable: VarHandleOp, and the ops on it in program order through control inputs. */
export class GraphVariable implements Variable {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly node: string;
  readonly #host: VariableHost;
  /** Whether its values are held as bfloat16, and whether by columns or in panels. */
  readonly #narrow: boolean;
  readonly #layout: 'rows' | 'columns' | 'panels';
  readonly #traces = new WeakMap<Recorder, Trace>();
  readonly #writers = new Set<'assign' | 'in place'>();

  constructor(name: string, spec: VariableSpec, index: number, host: VariableHost) {
    this.#narrow = spec.held?.bfloat16 === true && sizeOf(spec) % 2 === 0;
    const { linear = false, lookedUp = false } = spec.held ?? {};
    const form = host.kernels && !this.#narrow ? 'panels' : lookedUp ? 'rows' : 'columns';
    this.#layout = linear ? form : 'rows';
    this.name = name;
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.node = `v${index}`;
    this.#host = host;
  }

  read(): Tensor {
    const recorder = this.#host.recorder();
    const trace = this.#trace(recorder);
    if (trace.current !== undefined) return trace.current.tensor;
    const tensor = recorder.standIn(this.shape, this.dtype);
    const inputs = [this.node, ...this.#afterWrite(trace)];
    let node = recorder.add('ReadVariableOp', this.#dtype, inputs);
    // A lowering step lets products read what is held, and leaves these nodes out.
    if (this.#narrow) node = recorder.add('Cast', WIDEN, [`${node}:0`]);
    if (this.#layout === 'columns') node = recorder.add('Transpose', TRANSPOSE, [`${node}:0`, `${this.node}${SWAP}`]);
    if (this.#layout === 'panels') node = recorder.add(UNPACK, this.#columns, [`${node}:0`]);
    recorder.bind(tensor, `${node}:0`);
    trace.reads.push(node);
    trace.current = { output: `${node}:0`, tensor };
    return tensor;
  }

  assign(value: Tensor): void {
    this.#writeBy('assign');
    this.#write('AssignVariableOp', value);
  }

  assignAdd(value: Tensor): void {
    this.#write('AssignAddVariableOp', value);
  }

  updateRows(rows: Tensor, values: Tensor): Tensor {
    this.#writeBy('in place');
    const recorder = this.#host.recorder();
    const width = values.size / (values.shape[0] ?? 1);
    const before = tf.reshape(this.read(), [-1, width]);
    const flat = tf.reshape(values, [-1, width]);
    const inputs = [recorder.nameOf(before), recorder.nameOf(rows), recorder.nameOf(flat)];
    const trace = this.#trace(recorder);
    const readers = trace.current === undefined ? [] : recorder.retire(trace.current.output);
    const view = recorder.standIn(before.shape, this.dtype);
    const own = inputs[0]?.split(':')[0];
    const waits = readers.filter((node) => node !== own).map((node) => `^${node}`);
    // InplaceUpdate writes into the memory of its first input, which is the variable's own: nothing is copied.
    const node = recorder.add('InplaceUpdate', { T: { type: DataType[this.dtype] } }, [...inputs, ...waits], view);
    const tensor = tf.keep(tf.reshape(view, [...this.shape]));
    // Assigning the same memory costs nothing, and keeps the update where XLA compiles the op as a pure function.
    trace.lastWrite = recorder.add('AssignVariableOp', this.#dtype, [this.node, recorder.nameOf(tensor)]);
    trace.reads = [];
    trace.current = { output: `${node}:0`, tensor };
    return tensor;
  }

  /** Its memory, for an op that writes into it: the op's input, what it has to wait for, and what to call with its node. */
  place() {
    this.#refuseHeld();
    this.#writeBy('in place');
    const recorder = this.#host.recorder();
    const input = recorder.nameOf(this.read());
    const own = input.split(':')[0];
    const readers = recorder.retire(input).filter((node) => node !== own);
    return {
      input,
      waits: readers.map((node) => `^${node}`),
      written: (node: string) => this.#wrote(recorder, node),
    };
  }

  applyAdamW(update: AdamWUpdate): void {
    const { m, v, learningRate, weightDecay } = update;
    if (!(m instanceof GraphVariable && v instanceof GraphVariable))
      throw new CftError('Internal', 'the moments belong to another session', { where: this.name });
    const run = kernels();
    if (run !== undefined) {
      runAdamW(run, this, update);
      return;
    }
    const recorder = this.#host.recorder();
    const gradient = recorder.nameOf(tf.mul(update.gradient, update.gradientScale));
    if (weightDecay !== 0) this.#write('AssignSubVariableOp', tf.mul(this.read(), tf.mul(learningRate, weightDecay)));
    const scalars = adamScalars(update).map((scalar) => recorder.nameOf(scalar));
    const parts = [this, m, v];
    const waits = parts.flatMap((variable) => variable.#afterAll(variable.#trace(recorder)));
    const node = recorder.add(
      'ResourceApplyAdam',
      { T: { type: DataType[this.dtype] }, use_locking: { bool: false }, use_nesterov: { bool: false } },
      [...parts.map((variable) => variable.node), ...scalars, gradient, ...waits],
    );
    for (const variable of parts) variable.#wrote(recorder, node);
  }

  load(values: TypedArray): void {
    if (values.length !== sizeOf(this))
      throw new CftError(
        'ShapeMismatch',
        `variable ${this.name} of shape [${this.shape}] holds ${sizeOf(this)} values, not ${values.length}`,
      );
    this.#host.load(this, values);
  }

  values(): TypedArray {
    return this.#host.values(this);
  }

  /** The last write that a program made, which its outputs must wait for. */
  lastWrite(recorder: Recorder): string | undefined {
    return this.#traces.get(recorder)?.lastWrite;
  }

  /** What goes between the host and the variable: its values, or two of them in an int32. */
  get transfer(): TensorSpec {
    return this.#narrow ? { shape: [sizeOf(this) / 2], dtype: 'int32' } : this;
  }

  toTransfer(values: TypedArray): TypedArray {
    return this.#narrow ? packBfloat16(values as Float32Array) : values;
  }

  fromTransfer(values: TypedArray): TypedArray {
    return this.#narrow ? unpackBfloat16(values as Int32Array) : values;
  }

  /** The nodes that every session needs for this variable, whatever its programs do. */
  serviceNodes(): GraphNode[] {
    const { node, transfer } = this;
    const handle = {
      ...this.#dtype,
      shape: { shape: this.#heldShape },
      shared_name: { string: node },
      container: { string: '' },
    };
    const placeholder = { dtype: { type: DataType[transfer.dtype] }, shape: { shape: transfer.shape } };
    const nodes: GraphNode[] = [
      { name: node, op: 'VarHandleOp', inputs: [], attributes: handle },
      { name: `${node}/value`, op: 'Placeholder', inputs: [], attributes: placeholder },
      { name: `${node}/held`, op: 'ReadVariableOp', inputs: [node], attributes: this.#dtype },
    ];
    const add = (name: string, op: string, input: string, attributes: GraphNode['attributes'], ...more: string[]) => {
      nodes.push({ name: `${node}/${name}`, op, inputs: [`${node}/${input}:0`, ...more], attributes });
      return name;
    };
    let [into, out] = ['value', 'held'];
    if (this.#layout === 'columns') nodes.push(constant(`${node}/swap`, Int32Array.of(1, 0)));
    if (this.#narrow) {
      nodes.push(constant(`${node}/shape`, Int32Array.from(this.shape)));
      into = add('halves', 'Bitcast', into, bitcast('int32', 'bfloat16'));
      into = add('wide', 'Reshape', into, this.#reshape, `${node}/shape:0`);
    }
    if (this.#layout === 'panels') {
      into = add('panels', PACK, into, {});
      out = add('rows', UNPACK, out, this.#columns);
    }
    if (this.#layout === 'columns') {
      into = add('columns', 'Transpose', into, this.#transpose, `${node}${SWAP}`);
      out = add('rows', 'Transpose', out, this.#transpose, `${node}${SWAP}`);
    }
    if (this.#narrow) {
      nodes.push(constant(`${node}/pairs`, Int32Array.of(...transfer.shape, 2)));
      out = add('paired', 'Reshape', out, this.#reshape, `${node}/pairs:0`);
      out = add('words', 'Bitcast', out, bitcast('bfloat16', 'int32'));
    }
    add('read', 'Identity', out, { T: { type: DataType[transfer.dtype] } });
    nodes.push({
      name: `${node}/load`,
      op: 'AssignVariableOp',
      inputs: [node, `${node}/${into}:0`],
      attributes: this.#dtype,
    });
    nodes.push(constant(`${node}/loaded`, Int32Array.of(0), [`^${node}/load`]));
    return nodes;
  }

  get #heldShape(): readonly number[] {
    const [columns = 1, depth = 1] = this.shape;
    if (this.#layout === 'panels') return [Math.ceil(columns / PANEL_COLUMNS), depth, PANEL_COLUMNS];
    return this.#layout === 'columns' ? [depth, columns] : this.shape;
  }

  get #columns() {
    return { columns: { int: this.shape[0] ?? 1 } };
  }

  get #reshape() {
    return { T: this.#dtype.dtype, Tshape: { type: DataType.int32 } };
  }

  get #transpose() {
    return { T: this.#dtype.dtype, Tperm: { type: DataType.int32 } };
  }

  get #dtype() {
    return { dtype: { type: this.#narrow ? DataType.bfloat16 : DataType[this.dtype] } };
  }

  #trace(recorder: Recorder): Trace {
    const known = this.#traces.get(recorder);
    if (known !== undefined) return known;
    const fresh: Trace = { lastWrite: undefined, reads: [], current: undefined };
    this.#traces.set(recorder, fresh);
    return fresh;
  }

  #afterWrite(trace: Trace): string[] {
    return trace.lastWrite === undefined ? [] : [`^${trace.lastWrite}`];
  }

  #afterAll(trace: Trace): string[] {
    return [...this.#afterWrite(trace), ...trace.reads.map((node) => `^${node}`)];
  }

  // An assigned value may share its memory with a constant or another variable, which an update in place would change too.
  #writeBy(kind: 'assign' | 'in place'): void {
    this.#writers.add(kind);
    if (this.#writers.size === 1) return;
    throw new CftError('Internal', `variable ${this.name} is both assigned and updated in place`, {
      hint: 'use one of the two',
    });
  }

  #refuseHeld(): void {
    if (!this.#narrow && this.#layout === 'rows') return;
    throw new CftError('Internal', `variable ${this.name} is held in another form and cannot be written by a program`);
  }

  #write(op: string, value: Tensor): void {
    this.#refuseHeld();
    const recorder = this.#host.recorder();
    const node = recorder.add(op, this.#dtype, [
      this.node,
      recorder.nameOf(value),
      ...this.#afterAll(this.#trace(recorder)),
    ]);
    this.#wrote(recorder, node);
  }

  #wrote(recorder: Recorder, node: string): void {
    this.#traces.set(recorder, { lastWrite: node, reads: [], current: undefined });
  }
}

function sizeOf({ shape }: Pick<TensorSpec, 'shape'>): number {
  return shape.reduce((a, b) => a * b, 1);
}

function constant(name: string, values: Int32Array, inputs: readonly string[] = []): GraphNode {
  const tensor = { dtype: DataType.int32, shape: [values.length], bytes: new Uint8Array(values.buffer) };
  return { name, op: 'Const', inputs, attributes: { dtype: { type: DataType.int32 }, value: { tensor } } };
}

function bitcast(from: 'int32' | 'bfloat16', to: 'int32' | 'bfloat16') {
  return { T: { type: DataType[from] }, type: { type: DataType[to] } };
}
