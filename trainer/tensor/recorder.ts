import type { Tensor } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import { type Attribute, DataType, type GraphNode } from './graph-def.ts';
import type { NodeBackend, OpAttribute } from './node-backend.ts';
import { outputShape } from './output-shape.ts';
import type { DType } from './session.ts';
import { tf } from './tf.ts';

/** Ops whose output may share its input's memory, so that an in-place write to one shows in the other. */
const ALIASING_OPS = new Set(['Reshape', 'Identity', 'ExpandDims', 'Squeeze', 'InplaceUpdate']);

/** Ops that write into the memory of an input. */
const IN_PLACE_OPS = new Set(['InplaceUpdate', 'CftDecoderLayers', 'CftGreedy', 'CftAdamW']);

/** From so many floats on (256 KiB), what an op takes or puts out while it is recorded is not computed or not kept: a whole step's may not fit into memory. */
const LARGE_SIZE = 2 ** 16;

/** From so many floats on (64 MiB), memory comes from the operating system rather than from what the process has used before. */
const FRESH_SIZE = 2 ** 24;

function attributeOf(backend: NodeBackend, attribute: OpAttribute): Attribute {
  const { binding } = backend;
  switch (attribute.type) {
    case binding.TF_ATTR_STRING:
      return { string: attribute.value as string };
    case binding.TF_ATTR_INT:
      return { int: Number(attribute.value) };
    case binding.TF_ATTR_FLOAT:
      return { float: attribute.value as number };
    case binding.TF_ATTR_BOOL:
      return { bool: attribute.value as boolean };
    case binding.TF_ATTR_TYPE:
      return { type: attribute.value as number };
    case binding.TF_ATTR_SHAPE:
      return { shape: attribute.value as number[] };
    default:
      throw new CftError('Internal', `op attribute ${attribute.name} has the unknown type ${attribute.type}`, {
        value: attribute.value,
      });
  }
}

/**
 * Records the TensorFlow ops that tfjs executes as the nodes of a graph. While a body runs, every op is written down and executed on
 * stand-in values (that is how tfjs learns its shapes), unless they or its output are large and its shape is known without; tensors that the record
 * has not seen before become constants.
 */
export class Recorder {
  readonly nodes: GraphNode[] = [];
  readonly shapes = new Map<string, readonly number[]>();
  readonly #backend: NodeBackend;
  readonly #prefix: string;
  readonly #names = new Map<object, string>();
  readonly #stale = new Set<string>();
  readonly #kept: Tensor[] = [];
  readonly #zeros = new Map<string, Tensor>();
  #recording = true;

  constructor(backend: NodeBackend, prefix: string) {
    this.#backend = backend;
    this.#prefix = prefix;
  }

  /** Runs the body and records its ops. Tensors made on the way are freed; only the nodes stay. */
  record(body: () => void): void {
    const backend = this.#backend;
    const single = backend.executeSingleOutput;
    const multiple = backend.executeMultipleOutputs;
    backend.executeSingleOutput = (op, attributes, inputs) => {
      const execute = () => single.call(backend, op, attributes, inputs);
      if (!this.#recording) return execute();
      const output = this.#withoutExecution(op, attributes, inputs) ?? this.#lightened(execute());
      this.#addExecuted(op, attributes, inputs, [output]);
      return output;
    };
    backend.executeMultipleOutputs = (op, attributes, inputs, count) => {
      const outputs = multiple.call(backend, op, attributes, inputs, count);
      if (!this.#recording) return outputs;
      const kept = outputs.map((output) => this.#lightened(output));
      this.#addExecuted(op, attributes, inputs, kept);
      return kept;
    };
    backend.after = (x, awaited) => {
      const { shape, dtype } = x as { shape: number[]; dtype: DType };
      const inputs = [this.nameOf(x), ...awaited.map((tensor) => `^${this.nameOf(tensor).split(':')[0]}`)];
      const same = this.standIn(shape, dtype);
      this.add('Identity', { T: { type: DataType[dtype] } }, inputs, same);
      return same;
    };
    try {
      tf.tidy(body);
    } finally {
      backend.after = undefined;
      backend.executeSingleOutput = single;
      backend.executeMultipleOutputs = multiple;
      for (const tensor of this.#kept) tensor.dispose();
    }
  }

  /** Adds a node that tfjs has no kernel for; `standIn` is the tensor that represents its output while tracing. */
  add(
    op: string,
    attributes: Readonly<Record<string, Attribute>>,
    inputs: readonly string[],
    standIn?: Tensor,
  ): string {
    const name = `${this.#prefix}${this.nodes.length}_${op}`;
    if (!IN_PLACE_OPS.has(op)) this.#refuseStale(inputs, op);
    this.nodes.push({ name, op, inputs, attributes });
    if (standIn !== undefined) this.bind(standIn, `${name}:0`);
    return name;
  }

  /**
   * A stand-in of zeros that outlives the scopes (tidy, gradients) that the body opens and closes. It shares its memory with others: the
   * stand-ins of a model's weights would else need as much as the weights.
   */
  standIn(shape: readonly number[], dtype: DType): Tensor {
    const size = sizeOf(shape);
    return this.#unrecorded(() => {
      const zeros = this.#zerosFor(size, dtype);
      return this.#keep(tf.tidy(() => tf.reshape(zeros.size === size ? zeros : tf.slice(zeros, 0, size), [...shape])));
    });
  }

  /**
   * A list of at least so many zeros. TensorFlow takes a part of a list without copying it where the part ends at a multiple of 64 bytes;
   * then the longest list serves all, else each size has its own.
   */
  #zerosFor(size: number, dtype: DType): Tensor {
    const aligned = size % 16 === 0;
    const key = aligned ? dtype : `${dtype} ${size}`;
    const known = this.#zeros.get(key);
    if (known !== undefined && known.size >= size) return known;
    // Powers of two: all that were too short take no more than the last.
    const room = aligned ? 2 ** Math.ceil(Math.log2(size)) : size;
    const zeros = this.#keep(
      room < FRESH_SIZE || dtype === 'int32' ? tf.fill([room], 0, dtype) : this.#untouched(room),
    );
    this.#zeros.set(key, zeros);
    return zeros;
  }

  /** The graph's name for a tensor; a tensor made outside of the record becomes a constant with its present value. */
  nameOf(tensor: Tensor): string {
    const known = this.#names.get(tensor.dataId);
    if (known !== undefined) return known;
    const values = this.#backend.readSync(tensor.dataId) as Float32Array;
    const dtype = this.#backend.tensorMap.get(tensor.dataId).dtype;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    const name = this.add(
      'Const',
      { dtype: { type: dtype }, value: { tensor: { dtype, shape: tensor.shape, bytes } } },
      [],
    );
    this.bind(tensor, `${name}:0`);
    return `${name}:0`;
  }

  /**
   * The nodes that read an output or anything that shares its memory: what must be done before that memory is written.
   * The names become stale: a node that is added later may not use them.
   */
  retire(output: string): string[] {
    const aliases = new Set([output]);
    const readers: string[] = [];
    for (const node of this.nodes) {
      if (!node.inputs.some((input) => aliases.has(input))) continue;
      readers.push(node.name);
      if (ALIASING_OPS.has(node.op)) aliases.add(`${node.name}:0`);
    }
    for (const alias of aliases) this.#stale.add(alias);
    return readers;
  }

  #withoutExecution(op: string, attributes: readonly OpAttribute[], inputs: readonly Tensor[]): Tensor | undefined {
    const shape = inputs.every(({ dtype }) => dtype === 'float32') ? outputShape(op, attributes, inputs) : undefined;
    if (shape === undefined || Math.max(sizeOf(shape), ...inputs.map(({ size }) => size)) < LARGE_SIZE)
      return undefined;
    return this.standIn(shape, 'float32');
  }

  /** The same or, for a large output, a stand-in. */
  #lightened(output: Tensor): Tensor {
    if (output.dtype !== 'float32' || output.size < LARGE_SIZE) return output;
    const standIn = this.standIn(output.shape, 'float32');
    output.dispose();
    return standIn;
  }

  #addExecuted(
    op: string,
    attributes: readonly OpAttribute[],
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
  ): void {
    const inputNames = inputs.map((input) => this.nameOf(input));
    const converted = Object.fromEntries(attributes.map((a) => [a.name, attributeOf(this.#backend, a)]));
    const name = this.add(op, converted, inputNames);
    for (const [index, output] of outputs.entries()) this.bind(output, `${name}:${index}`);
  }

  /** Floats that are never written: memory that the operating system has yet to give, and until then reads as zeros. */
  #untouched(size: number): Tensor {
    const { binding } = this.#backend;
    const attributes = [
      { name: 'dtype', type: binding.TF_ATTR_TYPE, value: DataType.float32 },
      { name: 'init', type: binding.TF_ATTR_BOOL, value: false },
    ];
    return tf.tidy(() => this.#backend.executeSingleOutput('Empty', attributes, [tf.tensor1d([size], 'int32')]));
  }

  #keep(tensor: Tensor): Tensor {
    this.#kept.push(tf.keep(tensor));
    return tensor;
  }

  #unrecorded<T>(run: () => T): T {
    this.#recording = false;
    try {
      return run();
    } finally {
      this.#recording = true;
    }
  }

  /** From now on the tensor stands for that output. */
  bind(tensor: Tensor, output: string): void {
    this.#names.set(tensor.dataId, output);
    this.shapes.set(output, tensor.shape);
  }

  #refuseStale(inputs: readonly string[], op: string): void {
    const stale = inputs.find((input) => this.#stale.has(input));
    if (stale === undefined) return;
    throw new CftError('Internal', `${op} uses ${stale}, read before its variable was updated in place`, {
      hint: 'read the variable again after updateRows, or use the tensor that updateRows returns',
    });
  }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
