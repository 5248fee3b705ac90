"""llama.cpp as the other side of greedy decoding: `llama.py DIR` takes commands for the Qwen2 model there, in fp32."""

import ctypes
import json
import pathlib
import sys
import tempfile

import gguf
import llama_cpp
import numpy as np
from safetensors.numpy import load_file
from serve import serve

THREADS = 2
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


def context_for(sequences, length):
    """Keys and values in fp32 as well, each sequence with its own."""
    global context, shape
    if shape != (sequences, length):
        if context:
            llama_cpp.llama_free(context)
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = sequences * -(-length // 256) * 256
        parameters.n_batch = BATCH
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = THREADS
        parameters.type_k = parameters.type_v = llama_cpp.GGML_TYPE_F32
        context = llama_cpp.llama_init_from_model(model, parameters)
        shape = (sequences, length)
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
    return context


def run(context, tokens):
    """One batch of (id, position, sequence, whether its logits are wanted). Returns the likeliest next token of those."""
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
        return []
    logits = ctypes.cast(llama_cpp.llama_get_logits(context), ctypes.POINTER(ctypes.c_float))
    return np.ctypeslib.as_array(logits, (outputs, vocabulary)).argmax(axis=1).tolist()


def decode(prompts, newTokens):
    context = context_for(len(prompts), max(map(len, prompts)) + newTokens)
    waiting = [
        (token, position, sequence, position == len(prompt) - 1)
        for sequence, prompt in enumerate(prompts)
        for position, token in enumerate(prompt)
    ]
    last = []
    for first in range(0, len(waiting), BATCH):
        last += run(context, waiting[first : first + BATCH])
    out = [[token] for token in last]
    for step in range(newTokens - 1):
        last = run(context, [(token, len(prompts[i]) + step, i, True) for i, token in enumerate(last)])
        for ids, token in zip(out, last):
            ids.append(token)
    return {"ids": out}


serve({"decode": decode})
