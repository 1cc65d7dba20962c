"""Recordings: speech as sentences with the milliseconds of every word, by faster-whisper.

The sound is decoded and recognised about half a minute at a time, cut where it is quietest, so that a long recording
is known up to where it has been read and never held in memory whole.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from courses.readers.parts import Part, UnreadableFile
from courses.readers.speech import Word, ends_sentence, sentences

if TYPE_CHECKING:
    import av
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000  # samples a second, as Whisper takes them
WINDOW = 29.0  # seconds recognised at once; Whisper's own window is 30
LOOK_BACK = 8.0  # seconds at the window's end in which the quietest moment is looked for
LONGEST = 12 * 3600.0  # seconds
THREADS = 2
BAD_PACKETS = 200


def read(path: Path, assets: Path, *, speech_model: Path | None = None) -> Iterator[Part]:
    """A part for every half minute; its meta has duration_ms, read_ms and media ("audio" or "video").

    speech_model: the folder of a faster-whisper model, by default whisper-tiny.en from the catalogue.
    """
    import av

    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, ValueError, OSError) as error:
        raise UnreadableFile(
            "The recording is damaged, protected, or of a kind that cannot be played. Convert it to MP4, MP3 or WAV "
            "and upload that."
        ) from error
    with container:
        if not container.streams.audio:
            raise UnreadableFile(
                "The recording has no sound track, so there is nothing to transcribe. Upload it with its sound, or upload "
                "its captions (VTT or SRT)."
            )
        duration = _duration(container, path)
        if duration > LONGEST:
            raise UnreadableFile("The recording is longer than 12 hours. Cut it into parts and upload those.")
        pictures = [
            s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic
        ]
        title = str(container.metadata.get("title") or "").strip()
        meta: dict[str, Any] = {
            "duration_ms": round(duration * 1000),
            "media": "video" if pictures else "audio",
        }
        yield Part([], 0.0, meta | ({"title": title} if title else {}))
        yield from _transcribe(container, duration, _recogniser(speech_model))


def _transcribe(container: av.container.InputContainer, duration: float, recogniser: Any) -> Iterator[Part]:
    held: list[Word] = []
    spoke, read_ms = False, 0
    for start, sound in _windows(container):
        held += _words(recogniser, sound, start)
        ended = max((i + 1 for i, word in enumerate(held) if ends_sentence(word.text)), default=0)
        ready, held = (held, []) if len(held) - ended > 150 else (held[:ended], held[ended:])
        spoke = spoke or bool(ready)
        read_ms = round(1000 * (start + len(sound) / RATE))
        done = min(0.999, read_ms / (1000 * duration)) if duration else 0.5
        yield Part(sentences(ready), done, {"read_ms": read_ms})
    if not spoke and not held:
        raise UnreadableFile(
            "No speech was recognised in this recording. Check that it can be heard, or upload its captions (VTT or SRT)."
        )
    yield Part(
        sentences(held), 1.0, {"read_ms": read_ms, "duration_ms": max(read_ms, round(1000 * duration))}
    )


def _recogniser(folder: Path | None) -> Any:
    if folder is None:
        from tutor.llm import catalog

        folder = catalog.path("whisper-tiny.en")
    from faster_whisper import WhisperModel

    logging.getLogger("faster_whisper").setLevel(logging.ERROR)
    return WhisperModel(
        str(folder), device="cpu", compute_type="int8", cpu_threads=THREADS, local_files_only=True
    )


def _duration(container: av.container.InputContainer, path: Path) -> float:
    """Seconds, as the container says or as its packets show; 0 where neither tells."""
    import av

    if container.duration:
        return max(0.0, container.duration / 1_000_000)
    last = 0.0
    try:
        with av.open(str(path), metadata_errors="ignore") as again:
            for packet in again.demux(again.streams.audio[0]):
                if packet.pts is not None and packet.time_base is not None:
                    last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    except (av.FFmpegError, ValueError):
        pass
    return last


def _samples(container: av.container.InputContainer) -> Iterator[NDArray[np.float32]]:
    """The sound as mono at RATE. Packets that cannot be decoded are passed over, unless nearly all are bad."""
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    stream = container.streams.audio[0]
    bad = good = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames = packet.decode() if packet is not None else []
            good += bool(frames)
        except av.FFmpegError as error:
            bad += 1
            if bad > BAD_PACKETS and bad > good:
                raise UnreadableFile(
                    "The recording is damaged. Convert it to MP4, MP3 or WAV and upload that."
                ) from error
            continue
        for frame in frames:
            frame.pts = None  # times that run backwards would make the resampler refuse
            yield from _arrays(resampler.resample(frame))
        if packet is None:
            yield from _arrays(resampler.resample(None))
            return


def _arrays(frames: Iterable[av.AudioFrame]) -> Iterator[NDArray[np.float32]]:
    for frame in frames:
        sound: Any = frame.to_ndarray()
        yield sound.reshape(-1)


def _windows(container: av.container.InputContainer) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """(start in seconds, sound) of windows that are cut where it is quietest."""
    import numpy as np

    pieces: list[NDArray[np.float32]] = []
    size, passed, full = 0, 0, int(WINDOW * RATE)
    for piece in _samples(container):
        pieces.append(piece)
        size += len(piece)
        while size >= full:
            sound = np.concatenate(pieces)
            cut = _quietest(sound[:full])
            yield passed / RATE, sound[:cut]
            passed += cut
            pieces, size = [sound[cut:]], size - cut
    if size > RATE // 10:
        yield passed / RATE, np.concatenate(pieces)


def _quietest(sound: NDArray[np.float32]) -> int:
    """The sample in the middle of the quietest quarter second of the last seconds."""
    import numpy as np

    step, begin = RATE // 20, len(sound) - int(LOOK_BACK * RATE)
    frames = sound[begin : begin + (len(sound) - begin) // step * step].reshape(-1, step)
    energy = np.convolve((frames**2).mean(axis=1), np.ones(5) / 5, mode="valid")
    return begin + (int(energy.argmin()) + 2) * step + step // 2


def _words(recogniser: Any, sound: NDArray[np.float32], start: float) -> list[Word]:
    segments, _ = recogniser.transcribe(
        sound,
        language="en",
        beam_size=5,  # one beam loses a third of the words
        temperature=[0.0, 0.4],  # more tries cost minutes where nothing can be made out
        best_of=1,
        word_timestamps=True,
        condition_on_previous_text=False,
        vad_filter=True,
        vad_parameters={"min_silence_duration_ms": 600, "speech_pad_ms": 200},
        no_speech_threshold=0.5,
    )
    words: list[Word] = []
    offset = round(start * 1000)
    for segment in segments:
        if segment.no_speech_prob > 0.8 and segment.avg_logprob < -0.8:
            continue  # invented over music or noise
        for word in segment.words or ():
            text, begin, end = (
                word.word.strip(),
                offset + round(word.start * 1000),
                offset + round(word.end * 1000),
            )
            if not text:
                continue
            if words and not word.word.startswith(" ") and begin - words[-1].end_ms < 300:
                words[-1] = words[-1]._replace(text=words[-1].text + text, end_ms=end)
            else:
                begin = max(begin, words[-1].start_ms if words else 0)
                words.append(Word(text, begin, max(begin, end)))
    return words
