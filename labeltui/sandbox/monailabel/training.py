"""Train the small voxel classifier on the submitted labels, epoch by epoch."""

from __future__ import annotations

import datetime
import filecmp
import json
import os
import shutil
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltui.sandbox import nifti
from labeltui.sandbox.monailabel.application import Application
from labeltui.sandbox.monailabel.catalogue import Model, train_defaults
from labeltui.sandbox.monailabel.classifier import Classifier, Floats, Ints, dice, features
from labeltui.sandbox.monailabel.gpu import CPU
from labeltui.sandbox.monailabel.inference import classes_of
from labeltui.sandbox.monailabel.log import plain, say
from labeltui.sandbox.scenarios import Scenario

_BASIC = "monailabel.tasks.train.basic_train"
_TRAINER = "ignite.engine.engine.SupervisedTrainer"
_EVALUATOR = "ignite.engine.engine.SupervisedEvaluator"
_RATE = 0.004
_BATCH = 4096  # voxels
_STEPS = 3  # minibatches per volume and epoch


@dataclass(slots=True)
class Record:
    """One labelled study, prepared for training. ``targets`` are indices into the classifier's classes."""

    rows: Floats
    targets: Ints
    truth: NDArray[Any]


@dataclass(slots=True)
class Engine:
    """The state of an ignite engine: the trainer or the evaluator."""

    key: str
    metrics: dict[str, float] = field(default_factory=dict)
    best: float = -1.0
    best_epoch: int = 0

    def improve(self, epoch: int) -> bool:
        """Store the newest key metric if it is the best so far. Returns True if stored."""
        if self.metrics[self.key] <= self.best:
            return False
        self.best, self.best_epoch = self.metrics[self.key], epoch
        return True

    def stats(self) -> dict[str, Any]:
        """This engine's part of ``train_stats``."""
        return {
            "metrics": self.metrics,
            "key_metric_name": self.key,
            "best_metric": self.best,
            "best_metric_epoch": self.best_epoch,
        }


class Training:
    """One training run. Failures raise exceptions with the real server's messages."""

    def __init__(self, app: Application, model: Model, request: dict[str, Any], scenario: Scenario) -> None:
        self.model = model
        self.scenario = scenario
        self.pairs = app.datastore.training_pairs()
        self.start_ts = time.time()
        self.run_id = time.strftime("%Y%m%d_%H%M%S")
        say(f"{_BASIC}:436", f"Train Request (input): {request}")
        defaults = {key: v[0] if isinstance(v, list) else v for key, v in train_defaults(model).items()}
        self.request = {**defaults, **request, "run_id": self.run_id}
        self.epochs = int(self.request["max_epochs"])
        self.published = model.published(app.app_dir)
        self.stats_path = model.runs(app.app_dir) / "train_stats.json"
        self.output = model.runs(app.app_dir) / Path(str(self.request["name"])).name
        self.labels = {name: index for name, index in model.labels.items() if index}
        self.rng = np.random.default_rng(int(self.start_ts))
        self.classifier = self._classifier()
        self.trainer, self.evaluator = Engine("train_dice"), Engine("val_mean_dice")
        self.iteration = 0

    def run(self) -> dict[str, Any]:
        """Train for all epochs. Returns the last statistics. Raises ``ValueError`` if no study is labelled."""
        self._announce()
        training, validation = self._split()
        say(f"{_BASIC}:414", f"Total Records for Training: {len(training)}")
        say(f"{_BASIC}:415", f"Total Records for Validation: {len(validation)}")
        if not training:
            raise ValueError("num_samples should be a positive integer value, but got num_samples=0")
        held_out = [self._load(pair) for pair in validation]
        if held_out:
            say(f"{_BASIC}:332", f"0 - Records for Validation: {len(held_out)}")
            say(f"{_BASIC}:322", "0 - Adding Validation to run every '1' interval")
        records = [self._load(pair) for pair in training]
        say(f"{_BASIC}:268", f"0 - Records for Training: {len(records)}")
        say(f"{_TRAINER}:1039", f"Engine run resuming from iteration 0, epoch 0 until {self.epochs} epochs")
        stats: dict[str, Any] = {}
        for epoch in range(1, self.epochs + 1):
            stats = self._epoch(epoch, records, held_out)
        final = self.output / "checkpoint_final.pt"
        self.classifier.save(final)
        say(f"{_TRAINER}:279", f"Train completed, saved final checkpoint: {final}")
        say(f"{_TRAINER}:1169", f"Engine run finished. Time taken: {_clock(time.time() - self.start_ts)}")
        say(f"{_BASIC}:612", "Running cleanup...")
        return stats

    def _announce(self) -> None:
        say(f"{_BASIC}:449", "CUDA_VISIBLE_DEVICES: None")
        say(f"{_BASIC}:469", "Distributed Training = FALSE")
        say(f"{_BASIC}:496", f"0 - Train Request (final): {self.request}")
        device = CPU if self.request["device"] == CPU else "cuda"
        say(f"{_BASIC}:629", f"0 - Using Device: {device}; IDX: None")
        say(f"{_BASIC}:522", f"Run/Output Path: {self.output}")
        say(f"{_BASIC}:538", f"Tracking: {self.request['tracking']}")
        say(f"{_BASIC}:539", f"Tracking URI: file://{self.output}/mlruns;")
        say(f"{_BASIC}:540", f"Tracking Experiment Name: {self.model.name}; Run Name: run_{self.run_id}")
        self.output.mkdir(parents=True, exist_ok=True)

    def _classifier(self) -> Classifier:
        if self.request["pretrained"] and self.published.exists():
            return Classifier.load(self.published)
        return Classifier(classes_of(self.model), seed=int(self.rng.integers(1 << 30)))

    def _split(self) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        order = [self.pairs[index] for index in self.rng.permutation(len(self.pairs))]
        held_out = int(len(order) * float(self.request["val_split"]))
        return order[held_out:], order[:held_out]

    def _load(self, pair: dict[str, str]) -> Record:
        """Read one study. A damaged file raises the real loader's errors: file name first, then transform."""
        try:
            path = pair["image"]
            volume, _ = nifti.decode(Path(path))
            path = pair["label"]
            truth = nifti.decode(Path(path))[0].astype(np.int64)
        except nifti.NotAVolume as error:
            reader = RuntimeError(f"LoadImage cannot find a suitable reader for file: {path}.\n    {error}")
            loader = "monai.transforms.io.dictionary.LoadImaged object"
            raise RuntimeError(f"applying transform <{loader} at {id(self):#x}>") from reader
        classes = np.asarray(self.classifier.classes)
        targets = np.searchsorted(classes, truth).clip(0, len(classes) - 1)
        targets[classes[targets] != truth] = 0
        return Record(features(volume), targets.ravel(), truth)

    def _epoch(self, epoch: int, records: list[Record], held_out: list[Record]) -> dict[str, Any]:
        began = time.time()
        pace = self.scenario.epoch_seconds / (len(records) + 1)
        scores = []
        for number, record in enumerate(records, 1):
            due = time.time() + pace
            loss = self._learn(record)
            scores.append(self._score(record))
            time.sleep(max(0.0, due - time.time()))
            plain(f"Epoch: {epoch}/{self.epochs}, Iter: {number}/{len(records)} -- train_loss: {loss:.4f}")
            self.iteration += 1
            if self.scenario.oom_after_epochs is not None and epoch > self.scenario.oom_after_epochs:
                os.kill(
                    os.getpid(), signal.SIGKILL
                )  # as the kernel kills a process that uses too much memory
        self._conclude(_TRAINER, self.trainer, scores, epoch)
        if held_out:
            self._evaluate(epoch, held_out, pace)
        stats = self._publish(epoch, len(records))
        if held_out:
            say(f"{_EVALUATOR}:1142", f"Epoch[{epoch}] Complete. Time taken: {_clock(pace)}")
            say(f"{_EVALUATOR}:1169", f"Engine run finished. Time taken: {_clock(pace)}")
        say(f"{_TRAINER}:1142", f"Epoch[{epoch}] Complete. Time taken: {_clock(time.time() - began)}")
        return stats

    def _learn(self, record: Record) -> float:
        """Take minibatch steps on one study; a third of each batch is labelled voxels. Returns the mean loss."""
        inside = np.flatnonzero(record.targets)
        outside = np.flatnonzero(record.targets == 0)
        losses = []
        for _ in range(_STEPS):
            shares = ((inside, _BATCH // 3), (outside, _BATCH - _BATCH // 3))
            chosen = np.concatenate([self.rng.choice(part, share) for part, share in shares if len(part)])
            losses.append(self.classifier.step(record.rows[chosen], record.targets[chosen], _RATE))
        return float(np.mean(losses))

    def _score(self, record: Record) -> dict[str, float | None]:
        best = self.classifier.probabilities(record.rows).argmax(axis=1)
        predicted = np.asarray(self.classifier.classes, np.uint8)[best].reshape(record.truth.shape)
        return {name: dice(predicted, record.truth, index) for name, index in self.labels.items()}

    def _evaluate(self, epoch: int, held_out: list[Record], pace: float) -> None:
        say(
            f"{_EVALUATOR}:1039",
            f"Engine run resuming from iteration 0, epoch {epoch - 1} until {epoch} epochs",
        )
        due = time.time() + pace
        scores = [self._score(record) for record in held_out]
        time.sleep(max(0.0, due - time.time()))
        self._conclude(_EVALUATOR, self.evaluator, scores, epoch)

    def _conclude(
        self, origin: str, engine: Engine, scores: list[dict[str, float | None]], epoch: int
    ) -> None:
        """Average the studies' scores for each label and over all labels that occur, and log the means."""
        by_label = {
            name: [value for score in scores if (value := score[name]) is not None] for name in self.labels
        }
        means = {name: float(np.mean(values)) if values else 0.0 for name, values in by_label.items()}
        occurring = [means[name] for name, values in by_label.items() if values]
        engine.metrics = {engine.key: float(np.mean(occurring)) if occurring else 0.0}
        engine.metrics.update({f"{name}_dice": value for name, value in means.items()})
        if engine.improve(epoch):
            say(f"{origin}:258", f"Got new best metric of {engine.key}: {engine.best}")
            if engine is self.evaluator or not self.evaluator.metrics:
                self.classifier.save(self.output / "model.pt")
        if engine is self.trainer:
            say(f"{origin}:89", f"Current learning rate: {_RATE}")
        shown = " ".join(f"{name}: {value:.4f}" for name, value in sorted(engine.metrics.items()))
        plain(f"Epoch[{epoch}] Metrics -- {shown} ")
        plain(f"Key metric: {engine.key} best value: {engine.best} at epoch: {engine.best_epoch}")

    def _publish(self, epoch: int, iterations: int) -> dict[str, Any]:
        """Write the statistics, and publish the best model if it has changed."""
        spent = str(datetime.timedelta(seconds=int(time.time() - self.start_ts)))
        evaluated = bool(self.evaluator.metrics)
        stats: dict[str, Any] = {
            "rank": 0,
            "current_epoch": epoch,
            "current_iteration": self.iteration,
            "total_epochs": self.epochs,
            "total_iterations": iterations,
            "epoch": epoch,
            "start_ts": int(self.start_ts),
            "total_time" if epoch == self.epochs else "current_time": spent,
            "best_metric": self.evaluator.best if evaluated else self.trainer.best,
            "train": self.trainer.stats(),
        }
        if evaluated:
            stats["eval"] = self.evaluator.stats()
        path = self.output / f"stats_{self.run_id}.json"
        path.write_text(json.dumps(stats, indent=2))
        shutil.copy(path, self.stats_path)
        best = self.output / "model.pt"
        if best.exists() and not (
            self.published.exists() and filecmp.cmp(self.published, best, shallow=False)
        ):
            shutil.copy(best, self.published)
            say("monailabel.tasks.train.handler:86", f"New Model published: {best} => {self.published}")
        return stats


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{thousandths:03d}"
