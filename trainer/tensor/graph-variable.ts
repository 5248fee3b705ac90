import type { Tensor } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import { adamScalars, runAdamW } from './adamw-update.ts';
import { DataType } from './graph-def.ts';
import { kernels } from './kernels.ts';
import type { Recorder } from './recorder.ts';
import type { AdamWUpdate, DType, TensorSpec, TypedArray, Variable, VariableSpec } from './session.ts';
import { tf } from './tf.ts';
import { VariableForm } from './variable-form.ts';

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
  readonly form: VariableForm;
  readonly #host: VariableHost;
  readonly #traces = new WeakMap<Recorder, Trace>();
  readonly #writers = new Set<'assign' | 'in place'>();

  constructor(name: string, spec: VariableSpec, index: number, host: VariableHost) {
    this.name = name;
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.node = `v${index}`;
    this.form = new VariableForm(spec, host.kernels);
    this.#host = host;
  }

  read(): Tensor {
    const recorder = this.#host.recorder();
    const trace = this.#trace(recorder);
    if (trace.current !== undefined) return trace.current.tensor;
    const tensor = recorder.standIn(this.shape, this.dtype);
    const inputs = [this.node, ...this.#afterWrite(trace)];
    const held = recorder.add('ReadVariableOp', this.form.attributes, inputs);
    const node = this.form.addValue((op, attributes, from) => recorder.add(op, attributes, from), held, this.node);
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
    trace.lastWrite = recorder.add('AssignVariableOp', this.form.attributes, [this.node, recorder.nameOf(tensor)]);
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
    if (this.form.isPlain) return;
    throw new CftError('Internal', `variable ${this.name} is held in another form and cannot be written by a program`);
  }

  #write(op: string, value: Tensor): void {
    this.#refuseHeld();
    const recorder = this.#host.recorder();
    const node = recorder.add(op, this.form.attributes, [
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
