"""A lecture spoken by flite: an Opus recording and its captions, timed while it is synthesised."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 16_000  # Hz; all that Opus needs for speech
BIT_RATE = 24_000
PAUSE, LONG_PAUSE = 0.8, 2.0  # seconds after a sentence, and before a new section


@dataclass(frozen=True)
class Cue:
    start: float  # seconds
    end: float
    text: str


def synthesise(text: str) -> NDArray[np.int16]:
    """Samples of one spoken sentence at RATE."""
    program = shutil.which("flite")
    if program is None:
        raise SystemExit("The demo's recording is spoken by flite. Install it first: apt-get install flite")
    with tempfile.NamedTemporaryFile(suffix=".wav") as said:
        command = [program, "-voice", "rms", "--setf", "duration_stretch=1.08", "-t", text, "-o", said.name]
        subprocess.run(command, check=True)
        with wave.open(said.name) as sound:
            rate = sound.getframerate()
            samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16)
    grid = np.arange(0, len(samples) - 1, rate / RATE)
    return np.interp(grid, np.arange(len(samples)), samples).astype(np.int16)


def read_speech(path: Path) -> list[list[str]]:
    """Sections of sentences: `# ` starts a section, every other line is one sentence."""
    sections: list[list[str]] = []
    for line in path.read_text().splitlines():
        if line.startswith("# "):
            sections.append([])
        elif line.strip():
            sections[-1].append(line.strip())
    return [section for section in sections if section]


def speak(sections: list[list[str]]) -> tuple[NDArray[np.int16], list[Cue]]:
    """The whole lecture as samples, and a cue for each sentence."""
    pieces: list[NDArray[np.int16]] = []
    cues: list[Cue] = []
    length = 0
    for number, section in enumerate(sections):
        for index, sentence in enumerate(section):
            pause = 0.0 if not pieces else LONG_PAUSE if number and not index else PAUSE
            samples = synthesise(sentence)
            pieces += [np.zeros(round(pause * RATE), np.int16), samples]
            start = length + len(pieces[-2])
            length = start + len(samples)
            cues.append(Cue(start / RATE, length / RATE, sentence))
    return np.concatenate(pieces), cues


def write_opus(samples: NDArray[np.int16], path: Path) -> None:
    """Write mono speech as Opus in an Ogg file."""
    with av.open(str(path), "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=48_000, layout="mono", bit_rate=BIT_RATE)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        for start in range(0, len(samples), RATE):
            frame = av.AudioFrame.from_ndarray(
                samples[None, start : start + RATE], format="s16", layout="mono"
            )
            frame.sample_rate = RATE
            frame.pts = start
            for resampled in resampler.resample(frame):
                out.mux(stream.encode(resampled))
        for resampled in resampler.resample(None):
            out.mux(stream.encode(resampled))
        out.mux(stream.encode(None))


def clock(seconds: float) -> str:
    """WebVTT's hours:minutes:seconds.milliseconds."""
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}.{whole % 1000:03}"


def write_vtt(cues: list[Cue], path: Path) -> None:
    """Write the cues as WebVTT."""
    lines = ["WEBVTT", ""]
    for cue in cues:
        lines += [f"{clock(cue.start)} --> {clock(cue.end)}", cue.text, ""]
    path.write_text("\n".join(lines))
