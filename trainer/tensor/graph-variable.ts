import type { Tensor } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import { DataType, type GraphNode } from './graph-def.ts';
import type { Recorder } from './recorder.ts';
import type { AdamWUpdate, DType, TensorSpec, TypedArray, Variable } from './session.ts';
import { tf } from './tf.ts';

/** What a graph variable needs of the session that owns it. */
export interface VariableHost {
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
  readonly #traces = new WeakMap<Recorder, Trace>();
  readonly #writers = new Set<'assign' | 'updateRows'>();

  constructor(name: string, spec: TensorSpec, index: number, host: VariableHost) {
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
    const node = recorder.add('ReadVariableOp', this.#dtype, [this.node, ...this.#afterWrite(trace)], tensor);
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
    this.#writeBy('updateRows');
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

  applyAdamW(update: AdamWUpdate): void {
    const recorder = this.#host.recorder();
    const { gradient, m, v, learningRate, biasCorrection1, biasCorrection2, beta1, beta2, epsilon, weightDecay } =
      update;
    if (!(m instanceof GraphVariable && v instanceof GraphVariable))
      throw new CftError('Internal', 'the moments belong to another session', { where: this.name });
    if (weightDecay !== 0) this.#write('AssignSubVariableOp', tf.mul(this.read(), tf.mul(learningRate, weightDecay)));
    // ResourceApplyAdam corrects the bias by its own powers of beta and adds epsilon before the correction. Powers of
    // zero switch its correction off; scaling the step and epsilon by the corrections gives PyTorch's update exactly.
    const root = tf.sqrt(biasCorrection2);
    const zero = tf.scalar(0);
    const scalars = [
      zero,
      zero,
      tf.div(tf.mul(learningRate, root), biasCorrection1),
      tf.scalar(beta1),
      tf.scalar(beta2),
      tf.mul(root, epsilon),
    ];
    const parts = [m, v];
    const waits = [this, ...parts].flatMap((variable) => variable.#afterAll(variable.#trace(recorder)));
    const node = recorder.add(
      'ResourceApplyAdam',
      { T: { type: DataType[this.dtype] }, use_locking: { bool: false }, use_nesterov: { bool: false } },
      [this.node, m.node, v.node, ...scalars.map((s) => recorder.nameOf(s)), recorder.nameOf(gradient), ...waits],
    );
    for (const variable of [this, ...parts]) variable.#wrote(recorder, node);
  }

  load(values: TypedArray): void {
    const size = this.shape.reduce((a, b) => a * b, 1);
    if (values.length !== size)
      throw new CftError(
        'ShapeMismatch',
        `variable ${this.name} of shape [${this.shape}] holds ${size} values, not ${values.length}`,
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

  /** The nodes that every session needs for this variable, whatever its programs do. */
  serviceNodes(): GraphNode[] {
    const dtype = { type: DataType[this.dtype] };
    const { node, shape } = this;
    const zero = Buffer.alloc(4);
    const int32 = { type: DataType.int32 };
    return [
      {
        name: node,
        op: 'VarHandleOp',
        inputs: [],
        attributes: { dtype, shape: { shape }, shared_name: { string: node }, container: { string: '' } },
      },
      { name: `${node}/value`, op: 'Placeholder', inputs: [], attributes: { dtype, shape: { shape } } },
      { name: `${node}/load`, op: 'AssignVariableOp', inputs: [node, `${node}/value:0`], attributes: { dtype } },
      {
        name: `${node}/loaded`,
        op: 'Const',
        inputs: [`^${node}/load`],
        attributes: { dtype: int32, value: { tensor: { dtype: DataType.int32, shape: [], bytes: zero } } },
      },
      { name: `${node}/read`, op: 'ReadVariableOp', inputs: [node], attributes: { dtype } },
    ];
  }

  get #dtype() {
    return { dtype: { type: DataType[this.dtype] } };
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
  #writeBy(kind: 'assign' | 'updateRows'): void {
    this.#writers.add(kind);
    if (this.#writers.size === 1) return;
    throw new CftError('Internal', `variable ${this.name} is both assigned and updated in place`, {
      hint: 'use one of the two',
    });
  }

  #write(op: string, value: Tensor): void {
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
