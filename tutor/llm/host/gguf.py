"""Convert a GGUF checkpoint to a plain bfloat16 safetensors folder that loads in a second, serves and trains.

Run as `python -m tutor.llm.host.gguf FOLDER`: the folder's one .gguf file is replaced by the converted model.
"""

import sys
from pathlib import Path

import torch
from tokenizers import decoders, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig


class ConversionFailed(Exception):
    """The converted model does not do what a language model does."""


def convert(folder: Path) -> None:
    """Convert the folder's one GGUF file, check that it writes sense, remove the file; may raise ConversionFailed."""
    (source,) = folder.glob("*.gguf")
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=source.name)
    # transformers does not read the pre-tokeniser that GGUF names ("smollm"): digits stand alone, then bytes.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.backend_tokenizer.decoder = decoders.ByteLevel()

    packed = AutoModelForCausalLM.from_pretrained(folder, gguf_file=source.name, dtype=torch.float32)
    config = AutoConfig.from_pretrained(folder, gguf_file=source.name)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = torch.bfloat16
    tokenizer.model_max_length = config.max_position_embeddings
    # A model loaded from GGUF carries its quantiser and cannot be saved: a fresh one takes the weights.
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.load_state_dict(packed.state_dict(), strict=True)
    model.tie_weights()
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # written private; the server may run as another user
    tokenizer.save_pretrained(folder)
    _check(folder)
    source.unlink()


def _check(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        add_generation_prompt=True,
        return_tensors="pt",
    )
    with torch.inference_mode():
        output = model.generate(**prompt, max_new_tokens=24, do_sample=False)
    text = tokenizer.decode(output[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    if "Paris" not in text:
        raise ConversionFailed(f"The converted model answered {text!r} when asked for the capital of France.")


if __name__ == "__main__":
    convert(Path(sys.argv[1]))
