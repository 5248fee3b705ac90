"""llama.cpp as the other side of greedy decoding: `llama.py DIR` takes commands for the Qwen2 model there, its weights in fp32."""

import ctypes
import json
import pathlib
import sys
import tempfile

import gguf
import llama_cpp
import numpy as np
from safetensors.numpy import load_file
from serve import THREADS, serve

BATCH = 2048


def write_gguf(source, path):
    """The weights under llama.cpp's names. It gets no vocabulary: only token ids go in and out."""
    config = json.loads((source / "config.json").read_text())
    arch = gguf.MODEL_ARCH.QWEN2
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    rope = config.get("rope_parameters") or config
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    names = gguf.get_tensor_name_map(arch, config["num_hidden_layers"])
    for file in sorted(source.glob("*.safetensors")):
        for name, values in load_file(file).items():
            writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@llama_cpp.llama_log_callback
def silent(level, text, data):
    pass


def load(source):
    llama_cpp.llama_log_set(silent, None)
    llama_cpp.llama_backend_init()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.gguf")
        write_gguf(source, path)
        parameters = llama_cpp.llama_model_default_params()
        parameters.use_mmap = False
        model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
    if not model:
        raise RuntimeError("llama.cpp could not load the model")
    return model


model = load(pathlib.Path(sys.argv[1]))
vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
batch = llama_cpp.llama_batch_init(BATCH, 0, 1)
context = None
shape = None


def use_context(sequences, length, precise):
    """Makes an empty cache for so many sequences the present one. llama.cpp's flash attention reads keys and values as fp16."""
    global context, shape
    if shape != (sequences, length, precise):
        if context:
            llama_cpp.llama_free(context)
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = sequences * -(-length // 256) * 256
        parameters.n_batch = BATCH
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = THREADS
        if precise:
            parameters.type_k = parameters.type_v = llama_cpp.GGML_TYPE_F32
            parameters.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        context = llama_cpp.llama_init_from_model(model, parameters)
        shape = (sequences, length, precise)
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)


def run(tokens):
    """One batch of (id, position, sequence, whether its logits are wanted). Returns the logits of those, until the next batch."""
    batch.n_tokens = len(tokens)
    for i, (token, position, sequence, wanted) in enumerate(tokens):
        batch.token[i] = token
        batch.pos[i] = position
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = sequence
        batch.logits[i] = wanted
    if llama_cpp.llama_decode(context, batch) != 0:
        raise RuntimeError("llama.cpp could not decode the batch")
    outputs = sum(wanted for *_, wanted in tokens)
    if outputs == 0:
        return np.empty((0, vocabulary))
    logits = ctypes.cast(llama_cpp.llama_get_logits(context), ctypes.POINTER(ctypes.c_float))
    return np.ctypeslib.as_array(logits, (outputs, vocabulary))


def margins_of(logits):
    second, first = np.partition(logits, -2, axis=1)[:, -2:].T
    return (first - second).tolist()


def decode(prompts, newTokens, precise, margins=False):
    use_context(len(prompts), max(map(len, prompts)) + newTokens, precise)
    waiting = [
        (token, position, sequence, position == len(prompt) - 1)
        for sequence, prompt in enumerate(prompts)
        for position, token in enumerate(prompt)
    ]
    logits = np.concatenate([run(waiting[first : first + BATCH]).copy() for first in range(0, len(waiting), BATCH)])
    ids, apart = [], []
    while True:
        ids.append(logits.argmax(axis=1).tolist())
        if margins:
            apart.append(margins_of(logits))
        if len(ids) == newTokens:
            break
        position = len(ids) - 1
        logits = run([(token, len(prompts[i]) + position, i, True) for i, token in enumerate(ids[-1])])
    return {"ids": list(zip(*ids)), "margins": list(zip(*apart))}


serve({"decode": decode})
