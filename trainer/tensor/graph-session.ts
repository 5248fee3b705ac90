import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import { DataType, type GraphNode, savedModel } from './graph-def.ts';
import { GraphVariable } from './graph-variable.ts';
import type { KernelCall } from './kernels.ts';
import { lower, type Products } from './lower.ts';
import type { NodeBackend, TensorHandle } from './node-backend.ts';
import { Recorder } from './recorder.ts';
import type { Program, Session, TensorSpec, TypedArray, Variable, VariableSpec } from './session.ts';

interface TracedProgram {
  readonly nodes: readonly GraphNode[];
  readonly feeds: readonly { readonly name: string; readonly node: string; readonly spec: TensorSpec }[];
  readonly feedNames: string;
  readonly fetches: readonly string[];
  readonly fetchNames: string;
}

/** Elements of the variables that one run gives their values: 32 MiB, or one variable. */
const ASSIGNED_AT_ONCE = 2 ** 23;

function addKernel(recorder: Recorder, { op, attributes, inputs, updates = [], outputs }: KernelCall): Tensor[] {
  const names = inputs.map((input) => recorder.nameOf(input));
  const places = updates.map((variable) => (variable as GraphVariable).place());
  const waits = places.flatMap(({ waits }) => waits);
  const node = recorder.add(op, attributes, [...names, ...places.map(({ input }) => input), ...waits]);
  for (const { written } of places) written(node);
  return outputs.map(({ shape, dtype }, index) => {
    const standIn = recorder.standIn(shape, dtype);
    recorder.bind(standIn, `${node}:${index}`);
    return standIn;
  });
}

function sizeOf(spec: TensorSpec): number {
  return spec.shape.reduce((a, b) => a * b, 1);
}

/** Neighbours together, as many as one run takes. */
function inParts<T extends TensorSpec>(variables: readonly T[]): T[][] {
  const parts: T[][] = [];
  let room = 0;
  for (const variable of variables) {
    const size = sizeOf(variable);
    if (size > room) [room, parts[parts.length]] = [ASSIGNED_AT_ONCE, []];
    parts.at(-1)?.push(variable);
    room -= size;
  }
  return parts;
}

/**
 * Programs as TensorFlow graphs. All of them, and the variables, are one SavedModel loaded into one TensorFlow session,
 * since variables belong to their session. A program declared after the first run has the model loaded again; the
 * variables' values are carried over.
 */
export class GraphSession implements Session {
  readonly #backend: NodeBackend;
  readonly kernels: boolean;
  readonly exactBfloat16: boolean;
  readonly #products: Products;
  readonly #variables = new Map<string, GraphVariable>();
  readonly #programs = new Map<string, TracedProgram>();
  /** Values on their way into variables, as addon tensor ids. */
  readonly #pending = new Map<GraphVariable, number>();
  #loaded: { readonly id: number; readonly variables: readonly GraphVariable[]; readonly programs: number } | undefined;
  /** All variables' values as addon tensor ids, from one fetch; dropped before anything can write a variable. */
  #snapshot: ReadonlyMap<GraphVariable, number> | undefined;
  #recorder: Recorder | undefined;

  constructor(backend: NodeBackend, products: Products) {
    this.#backend = backend;
    this.#products = products;
    this.kernels = products.kernels !== undefined;
    // Matrix units round the other factor too.
    this.exactBfloat16 = products.kernels?.bfloat16Units === false;
  }

  variable(name: string, spec: VariableSpec): Variable {
    if (this.#variables.has(name)) throw new CftError('Internal', `variable ${name} is declared twice`);
    const variable = new GraphVariable(name, spec, this.#variables.size, {
      kernels: this.kernels,
      recorder: () => this.#activeRecorder(),
      load: (target, values) => this.#setPending(target, this.#upload(target, values)),
      values: (source) => this.#values(source),
    });
    this.#variables.set(name, variable);
    return variable;
  }

  program<I extends string, O extends string>(
    name: string,
    inputs: Readonly<Record<I, TensorSpec>>,
    body: (inputs: Readonly<Record<I, Tensor>>) => Readonly<Record<O, Tensor>>,
  ): Program<I, O> {
    if (this.#programs.has(name)) throw new CftError('Internal', `program ${name} is declared twice`);
    this.#programs.set(name, this.#trace(`p${this.#programs.size}_`, inputs, body));
    return { name, run: (feeds) => this.#run(name, feeds) as Record<O, TypedArray> };
  }

  dispose(): void {
    for (const id of this.#pending.values()) this.#backend.binding.deleteTensor(id);
    this.#pending.clear();
    this.#dropSnapshot();
    if (this.#loaded !== undefined) this.#backend.binding.deleteSavedModel(this.#loaded.id);
    this.#loaded = undefined;
  }

  #activeRecorder(): Recorder {
    if (this.#recorder === undefined)
      throw new CftError('Internal', 'a variable was read or written outside of a program', {
        hint: 'use load() and values() on the host',
      });
    return this.#recorder;
  }

  #trace(
    prefix: string,
    inputs: Readonly<Record<string, TensorSpec>>,
    body: (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>,
  ): TracedProgram {
    const recorder = new Recorder(this.#backend, prefix);
    const feeds: { name: string; node: string; spec: TensorSpec }[] = [];
    const fetches: string[] = [];
    const fetchNodes: string[] = [];
    this.#recorder = recorder;
    if (this.kernels) this.#backend.kernel = (call) => addKernel(recorder, call);
    try {
      recorder.record(() => {
        const placeholders: Record<string, Tensor> = {};
        for (const [name, spec] of Object.entries(inputs)) {
          const standIn = recorder.standIn(spec.shape, spec.dtype);
          const attributes = { dtype: { type: DataType[spec.dtype] }, shape: { shape: spec.shape } };
          feeds.push({ name, node: `${recorder.add('Placeholder', attributes, [], standIn)}:0`, spec });
          placeholders[name] = standIn;
        }
        const outputs = Object.entries(body(placeholders));
        // Nothing fetches a write by itself, so every output waits for all of them.
        const writes = [...this.#variables.values()]
          .flatMap((v) => v.lastWrite(recorder) ?? [])
          .map((node) => `^${node}`);
        for (const [name, tensor] of outputs) {
          const attributes = { T: { type: this.#backend.tensorMap.get(tensor.dataId).dtype } };
          fetches.push(name);
          fetchNodes.push(`${recorder.add('Identity', attributes, [recorder.nameOf(tensor), ...new Set(writes)])}:0`);
        }
        if (outputs.length === 0) {
          const done = { dtype: DataType.int32, shape: [], bytes: Buffer.alloc(4) };
          fetchNodes.push(
            `${recorder.add('Const', { dtype: { type: DataType.int32 }, value: { tensor: done } }, writes)}:0`,
          );
        }
      });
    } finally {
      this.#backend.kernel = undefined;
      this.#recorder = undefined;
    }
    return {
      nodes: lower(recorder.nodes, (output) => recorder.shapes.get(output), this.#products),
      feeds,
      feedNames: feeds.map((feed) => feed.node).join(','),
      fetches,
      fetchNames: fetchNodes.join(','),
    };
  }

  #run(name: string, feeds: Readonly<Record<string, TypedArray>>): Record<string, TypedArray> {
    const program = this.#programs.get(name) as TracedProgram;
    const model = this.#load();
    this.#dropSnapshot();
    const { binding } = this.#backend;
    const ids = program.feeds.map((feed) => {
      const values = feeds[feed.name];
      if (values === undefined || values.length !== sizeOf(feed.spec))
        throw new CftError(
          'Internal',
          `program ${name} wants ${sizeOf(feed.spec)} values as ${feed.name}, got ${values?.length}`,
        );
      return binding.createTensor(feed.spec.shape, DataType[feed.spec.dtype], values);
    });
    try {
      const outputs = binding.runSavedModel(model, ids, program.feedNames, program.fetchNames);
      const result: Record<string, TypedArray> = {};
      for (const [index, fetch] of program.fetches.entries()) {
        const output = outputs[index];
        if (output !== undefined) result[fetch] = binding.tensorDataSync(output.id) as TypedArray;
      }
      for (const output of outputs) binding.deleteTensor(output.id);
      return result;
    } finally {
      for (const id of ids) binding.deleteTensor(id);
    }
  }

  /** The session with everything declared so far in it, its variables up to date. */
  #load(): number {
    const { binding } = this.#backend;
    const present = this.#loaded;
    const grown = present?.programs !== this.#programs.size || present.variables.length !== this.#variables.size;
    if (present !== undefined && !grown) {
      this.#assign(present.id);
      return present.id;
    }
    if (present !== undefined) {
      for (const [variable, tensor] of this.#fetch(present.id, present.variables))
        if (this.#pending.has(variable)) binding.deleteTensor(tensor);
        else this.#pending.set(variable, tensor);
      this.#dropSnapshot();
      binding.deleteSavedModel(present.id);
    }
    const variables = [...this.#variables.values()];
    const service = variables.flatMap((variable) => variable.form.serviceNodes(variable.node));
    const programs = [...this.#programs.values()].flatMap((program) => program.nodes);
    const id = this.#loadModel(savedModel([...service, ...programs]));
    this.#loaded = { id, variables, programs: this.#programs.size };
    const empty = variables.filter((variable) => !this.#pending.has(variable));
    this.#assign(id);
    // After the others, in the memory that these needed on their way.
    for (const variable of empty) this.#pending.set(variable, this.#zeros(variable));
    this.#assign(id);
    return id;
  }

  // Few runs for many variables: each new set of feeds and fetches makes TensorFlow go through the whole graph once. But not one for all:
  // TensorFlow copies what it is fed, and two copies of a whole model may not fit.
  #assign(model: number): void {
    if (this.#pending.size === 0) return;
    this.#dropSnapshot();
    const { binding } = this.#backend;
    for (const part of inParts([...this.#pending.keys()])) {
      const tensors = part.map((variable) => this.#pending.get(variable) as number);
      const feeds = part.map(({ node }) => `${node}/value:0`).join(',');
      const done = part.map(({ node }) => `${node}/loaded:0`).join(',');
      for (const output of binding.runSavedModel(model, tensors, feeds, done)) binding.deleteTensor(output.id);
      for (const tensor of tensors) binding.deleteTensor(tensor);
      for (const variable of part) this.#pending.delete(variable);
    }
  }

  // The addon loads a SavedModel from a directory only; TensorFlow is done with the files when the call returns.
  #loadModel(bytes: Uint8Array): number {
    const directory = mkdtempSync(join(tmpdir(), 'cft-graph-'));
    try {
      writeFileSync(join(directory, 'saved_model.pb'), bytes);
      return this.#backend.binding.loadSavedModel(directory, 'serve');
    } catch (cause) {
      throw new CftError('Internal', 'TensorFlow does not take the programs', {
        hint: 'run `npm run setup`: it compiles the ops that these programs use, which may still be those of another version',
        cause,
      });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  #fetch(model: number, variables: readonly GraphVariable[]): Map<GraphVariable, number> {
    if (variables.length === 0) return new Map();
    const fetches = variables.map(({ node }) => `${node}/read:0`).join(',');
    const outputs = this.#backend.binding.runSavedModel(model, [], '', fetches);
    return new Map(variables.map((variable, index) => [variable, (outputs[index] as TensorHandle).id]));
  }

  #upload(variable: GraphVariable, values: TypedArray): number {
    const { shape, dtype } = variable.form.transfer;
    return this.#backend.binding.createTensor(shape, DataType[dtype], variable.form.toTransfer(values));
  }

  // Zeros made inside the graph would be one constant, whose memory variables of the same shape would then share.
  #zeros(variable: GraphVariable): number {
    return this.#upload(variable, new (variable.dtype === 'float32' ? Float32Array : Int32Array)(sizeOf(variable)));
  }

  #setPending(variable: GraphVariable, tensor: number): void {
    const old = this.#pending.get(variable);
    if (old !== undefined) this.#backend.binding.deleteTensor(old);
    this.#pending.set(variable, tensor);
  }

  #values(variable: GraphVariable): TypedArray {
    const model = this.#load();
    this.#snapshot ??= this.#fetch(model, [...this.#variables.values()]);
    const values = this.#backend.binding.tensorDataSync(this.#snapshot.get(variable) as number) as TypedArray;
    return variable.form.fromTransfer(values);
  }

  #dropSnapshot(): void {
    for (const tensor of this.#snapshot?.values() ?? []) this.#backend.binding.deleteTensor(tensor);
    this.#snapshot = undefined;
  }
}
