"""Encoders that are no BERT (no token types, other special tokens, another padding id) go through every task."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from unibert_lib import finetune, tokenizer
from unibert_lib.tasks import ner, nli, qa, sts
from unibert_lib.tasks.fit import FineTuning, evaluate, fit, load_model
from unibert_lib.tasks.records import Answer, Question, ScoredPair, SentencePair, TaggedSentence

TEXT = "the cat sat on mat dog ran to old house by river birds sing rain falls Anna lives in Paris"
WORDS = TEXT.split()
RECORDS = {
    "ner": [TaggedSentence(tuple(WORDS), ("O",) * 16 + ("B-PER", "O", "O", "B-LOC"), "en", "1")],
    "nli": [SentencePair("the cat sat", "the dog ran", label, "en", "1") for label in nli.LABELS],
    "qa": [Question("Where?", TEXT, (Answer("Paris", TEXT.index("Paris")),), "en", "1")],
    "sts": [ScoredPair("the cat", "the dog", 2.0, "en", "1"), ScoredPair("rain falls", "old house", 0.5, "en", "2")],
}
TASKS = [
    ner.Ner(max_length=24),
    nli.Nli(max_length=24),
    nli.Nli(max_length=24, head="matched"),
    qa.Qa(max_length=24, stride=4),
    sts.Sts(max_length=24),
    sts.Sts(max_length=24, head="matched"),
    sts.Sts(max_length=24, mode="cosine"),
]


def sentencepiece_like():
    """XLM-R's habits: <s> a </s></s> b </s>, padding id 1, no token types."""
    raw = Tokenizer(models.Unigram())
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    raw.train_from_iterator(
        [TEXT] * 20, trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>")
    )
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), special, strict=True))
    inputs = ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, cls_token="<s>", sep_token="</s>", model_input_names=inputs, **names
    )


@pytest.fixture(scope="module", params=["xlm-roberta", "distilbert"])
def encoder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "model"
    torch.manual_seed(0)
    if request.param == "xlm-roberta":
        pieces = sentencepiece_like()
        model = XLMRobertaModel(
            XLMRobertaConfig(
                vocab_size=len(pieces),
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=32,
                max_position_embeddings=64,
                pad_token_id=1,
                type_vocab_size=1,
            )
        )
    else:
        pieces = tokenizer.train([TEXT] * 20, 250)
        model = DistilBertModel(DistilBertConfig(vocab_size=len(pieces), dim=16, n_layers=1, n_heads=2, hidden_dim=32))
        pieces.model_input_names = ["input_ids", "attention_mask"]
    model.save_pretrained(folder)
    pieces.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("task", TASKS, ids=lambda t: f"{t.name}-{getattr(t, 'mode', '')}{getattr(t, 'head', '')}")
def test_another_encoder_trains_and_is_scored(encoder, task):
    pieces = tokenizer.load(encoder, wordpiece=False)
    records = RECORDS[task.name]
    labels = task.labels(records)
    features = task.encode(records, pieces, labels)
    model = load_model(task, encoder, labels, seed=0)
    before = torch.cat([p.detach().flatten() for p in model.parameters()])
    how = FineTuning(batch_size=2, steps=2, device="cpu")
    fit(model, features, pieces, how, steps=2, learning_rate=1e-3, seed=0)
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert not torch.equal(before, after) and torch.isfinite(after).all()
    scores, predictions = evaluate(task, model, records, pieces, labels)
    assert task.metric in scores and len(predictions) == len(records)


def test_the_answer_comes_back_through_another_tokenizer(encoder):
    pieces, task = tokenizer.load(encoder, wordpiece=False), qa.Qa(max_length=24, stride=4)
    features = task.encode(RECORDS["qa"], pieces, ())
    ends = [(f.inputs["start_positions"], f.inputs["end_positions"], len(f.inputs["input_ids"])) for f in features]
    outputs = [(np.eye(n)[start] * 9, np.eye(n)[end] * 9) for start, end, n in ends]
    assert task.decode(RECORDS["qa"], features, outputs, ())[0].strip() == "Paris"


def test_a_folder_is_known_by_its_weights(encoder):
    first, again = finetune.encoder(encoder), finetune.encoder(encoder)
    assert first == again and len(first.sha) == 64
    assert first.name == "model" and first.preset == "none"
