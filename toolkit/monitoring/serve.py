"""Serve a model as it was judged: rows are read by its schema, decided at its threshold, and logged as counts."""

import asyncio
import contextlib
import csv
import io
import json
import math
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import prometheus_client as prometheus
import uvicorn
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from toolkit.core import refuser, say
from toolkit.data import as_dataset, as_texts, column_kind, read_cells
from toolkit.drift.detect import detect_drift
from toolkit.drift.model import with_prediction
from toolkit.drift.profile import KEPT_AS, load_profile, read_profile, summarize
from toolkit.errors import InputError, ToolkitError, listed, nearest, refusing
from toolkit.models import Model

refusal = refuser(__file__)
ABSTAIN = "abstain"
MOST_BYTES, MOST_ROWS, SECONDS = 20_000_000, 10_000, 20
#: Rows are summed up together: one by one it would cost more than the answers.
ROWS_A_SUMMARY = 2_000
FAILED = "the model failed"
#: Of cells that are no texts, those that a column of a kind does not hold.
_OTHERS = {"date": (bool, int, float, list, dict), "number": (bool, list, dict), "duration": (bool, list, dict)}


class Answers:
    """What a served model answers, and what it has been asked so far: counts, and no rows.

    Parameters
    ----------
    model : Model
        Made for a table with named columns.
    fallback : str
        The label or number to answer where the model cannot: it fails, or a row has labels, or numbers beyond those,
        that the table it was made from did not have. By default it abstains: the decision is null.
    log : Path, optional
        Where the profile of the rows is written, as ``Profile.save`` does, and beside it the counts as a text file for
        Prometheus (``.prom``).

    Raises
    ------
    InputError
        Where the model knows no columns, or cannot answer the fallback.

    Examples
    --------
    >>> from toolkit import load_dataset, split_dataset, train
    >>> model = train(split_dataset(load_dataset("wine")), candidates=["logistic"]).model
    >>> row = load_dataset("wine").features.head(1)
    >>> answers = Answers(model)
    >>> answers.of(row)[0]["decision"], answers.of(row.assign(alcohol=99.0))[0]["decision"]
    ('class_0', None)
    """

    def __init__(self, model: Model, fallback: str = ABSTAIN, log: Path | None = None) -> None:
        if not model.schema.features or not model.schema.task:
            raise refusal("no schema")
        by_text = {str(label): label for label in model.classes}
        if fallback != ABSTAIN and model.classes and fallback not in by_text:
            near = nearest(fallback, [*by_text, ABSTAIN])
            raise InputError(f"The model does not know {fallback!r}. It decides {listed(by_text)}.{near}")
        with refusing(f"The fallback {fallback!r} is no number", " Or leave it to abstain.", (ValueError,)):
            self.fallback = None if fallback == ABSTAIN else by_text[fallback] if by_text else float(fallback)
        if isinstance(self.fallback, float) and not math.isfinite(self.fallback):
            raise InputError(f"The fallback {fallback!r} is no finite number. Or leave it to abstain.")
        self.model, self.log, self.name = model, log, f"served by {model.name} {model.version}".strip()
        self.registry = every = prometheus.CollectorRegistry()
        self.requests = prometheus.Counter("toolkit_requests", "Requests by status.", ["status"], registry=every)
        self.decided = prometheus.Counter("toolkit_decisions", "Rows by decision.", ["decision"], registry=every)
        self.fallbacks = prometheus.Counter("toolkit_fallbacks", "Rows not decided.", ["reason"], registry=every)
        self.latency = prometheus.Histogram("toolkit_seconds", "Seconds until a request was answered.", registry=every)
        self.drift = prometheus.Gauge("toolkit_drift_columns_share", "Columns that drifted.", registry=every)
        self.reference = read_profile(model.kept[KEPT_AS], KEPT_AS) if KEPT_AS in model.kept else None
        self.profile = load_profile(log) if log and log.exists() else None
        if self.profile and (self.profile.name != self.name or "prediction" not in self.profile.roles.values()):
            known = f"{str(log)!r} is what was {self.profile.name}, or has no predictions"
            raise InputError(f"{known}. Give another file with --log.")
        self.waiting: list[pd.DataFrame] = []
        self.lock = threading.Lock()
        # Of several threads each takes its memory from a place of its own, and what is left over in them grows.
        self.thread = ThreadPoolExecutor(1)

    def of(self, rows: pd.DataFrame) -> list[dict[str, Any]]:
        """Answer each row: its ``decision`` and ``score``, the model's ``version``, and why a ``fallback`` was given.

        Raises
        ------
        InputError
            Where a column is missing or not known, or a cell is not what the column holds; no cell is quoted.
        """
        features, reasons = self._read(rows)
        inside = reasons == ""
        scores, decisions = np.full(len(rows), np.nan), np.full(len(rows), self.fallback, dtype=object)
        if inside.any():
            try:
                decisions[inside], found = self.model.decide(features[inside])
                scores[inside] = np.nan if found is None else found
                if (numbers := found if self.model.classes else decisions[inside]) is not None:
                    reasons[inside] = np.where(np.isfinite(numbers.astype(float)), "", FAILED)
            except Exception:  # noqa: BLE001  # whatever it is, the caller gets an answer
                reasons[inside] = FAILED
        decisions[reasons != ""], scores[reasons != ""] = self.fallback, np.nan
        for label, count in Counter(map(str, decisions) if self.model.classes else ["a number"] * len(rows)).items():
            self.decided.labels(label).inc(count)
        for reason, count in Counter(filter(None, reasons)).items():
            self.fallbacks.labels(reason).inc(count)
        self._keep(features.set_axis(reasons == ""))
        shown = [None if np.isnan(score) else score for score in scores.tolist()]
        return [
            {"decision": one, "score": score, "version": self.model.version, "fallback": reason or None}
            for one, score, reason in zip(pd.Series(decisions, dtype=object).tolist(), shown, reasons, strict=True)
        ]

    def _read(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[Any]]:
        """Read rows by the schema; say of each in which column it is outside of what the model has seen."""
        wanted, names = self.model.schema.features, list(map(str, rows.columns))
        missing = [one for one in wanted if one not in names]
        if (other := [one for one, times in Counter(names).items() if one not in wanted or times > 1]) or missing:
            near = nearest(other[0], missing) if other else ""
            raise refusal("columns", missing=listed(missing) or "none", other=listed(other) or "none", near=near)
        rows = rows.set_axis(names, axis=1).reset_index(drop=True)
        read, reasons = {}, np.full(len(rows), "", dtype=object)
        for name, how in wanted.items():
            cells, kind = rows[name], column_kind(rows[name])
            values, odd = cells, np.zeros(1, dtype=bool)
            if kind in ("text", "mixed", "category") and how.kind != "text":
                values, odd = how.read(as_texts(cells.astype(object)))
            elif (how.kind, kind) == ("bool", "number"):
                odd = (cells.notna() & ~cells.isin((0, 1))).to_numpy()
            elif kind not in (how.kind, "missing"):
                odd = (cells.notna() & cells.map(type).isin(_OTHERS.get(how.kind, (list, dict)))).to_numpy()
            if odd.any():
                raise refusal("something else", name=name, how=how, odd=int(odd.sum()), rows=len(rows))
            read[name] = found = read_cells(cells, how, how.categories)
            new = np.zeros(1, dtype=bool)
            if how.kind == "text" and how.categories:
                new = found.cat.codes.to_numpy() >= len(how.categories)  # those that are known come first
            elif how.kind in ("number", "duration") and how.low is not None and how.high is not None:
                given = np.asarray(values if how.kind == "number" else found, dtype=float)
                new = (given < how.low) | (given > how.high)
            if new.any():
                reasons[new & (reasons == "")] = f"{name} is outside what the model has seen"
        return pd.DataFrame(read, index=rows.index), reasons

    def _keep(self, *features: pd.DataFrame) -> None:
        """Sum up the rows that wait where there are enough of them, or where no more will come."""
        with self.lock:
            self.waiting += features
            if self.waiting and (not features or sum(map(len, self.waiting)) >= ROWS_A_SUMMARY):
                try:
                    self._sum_up()
                except Exception as error:  # noqa: BLE001  # a full disk is no reason not to answer
                    say(f"Warning: the log was not written: {error}")

    def _sum_up(self) -> None:
        """Add the latest rows to the profile, compare it with the training's, and write both down."""
        rows, self.waiting = pd.concat(self.waiting), []
        latest, decided = rows.reset_index(drop=True), rows.index.to_numpy()
        found = summarize(with_prediction(as_dataset(latest, "table"), latest[decided], self.model), name=self.name)
        self.profile = self.profile.merged(found) if self.profile else found
        if self.reference:
            compared = detect_drift(self.reference, self.profile, columns=list(self.model.schema.features))
            self.drift.set(compared.scalars()["drift.columns_share"].value)
        if self.log:
            self.profile.save(self.log)
            prometheus.write_to_textfile(str(self.log.with_suffix(".prom")), self.registry)

    def close(self) -> None:
        """Sum up what is left."""
        self._keep()


def make_app(answers: Answers) -> Starlette:
    """Make the application: ``/invocations`` as MLflow's server takes it, ``/ping``, ``/version`` and ``/metrics``."""

    async def invocations(request: Request) -> Response:
        began = time.perf_counter()
        status, content = await _answered(request, answers)
        answers.requests.labels(str(status)).inc()
        answers.latency.observe(time.perf_counter() - began)
        return PlainTextResponse(json.dumps(content, ensure_ascii=False), status, media_type="application/json")

    texts = dict.fromkeys(("/ping", "/health"), lambda: "\n") | {"/version": lambda: answers.model.version}
    texts["/metrics"] = lambda: prometheus.generate_latest(answers.registry).decode()
    plain = [Route(path, lambda _, made=made: PlainTextResponse(made())) for path, made in texts.items()]
    return Starlette(routes=[Route("/invocations", invocations, methods=["POST"]), *plain])


async def _answered(request: Request, answers: Answers) -> tuple[int, Mapping[str, object]]:
    """Return the status and the content of an answer; what is wrong with a request is said without quoting it."""
    content = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                content += part
                if len(content) > MOST_BYTES:
                    return 413, {"error": f"A request holds at most {MOST_BYTES:,} bytes."}
    except TimeoutError:
        return 408, {"error": f"The request took more than {SECONDS} seconds to arrive."}
    try:
        rows = _rows(bytes(content), request.headers.get("content-type", ""))
        return 200, {"predictions": await asyncio.get_running_loop().run_in_executor(answers.thread, answers.of, rows)}
    except ToolkitError as error:
        return 400, {"error": str(error)}
    except Exception as error:  # noqa: BLE001  # rows that nobody thought of; what they are must not be told
        say(f"Warning: a request could not be read: {type(error).__name__}")
        return 400, {"error": "The rows of the request cannot be read."}


def _rows(content: bytes, kind: str) -> pd.DataFrame:
    """Read the table of a request: JSON with ``dataframe_records`` or ``dataframe_split``, or CSV."""
    frame = None
    with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError, RecursionError, csv.Error):
        if kind.lower().startswith("text/csv"):
            header, *body = filter(None, csv.reader(io.StringIO(content.decode("utf-8-sig"))))
            frame = pd.DataFrame(body, columns=header) if {len(row) for row in body} <= {len(header)} else None
        elif (split := (given := json.loads(content)).get("dataframe_split")) is not None:
            frame = pd.DataFrame(split["data"], columns=split["columns"])
        elif (records := given.get("dataframe_records")) is not None:
            frame = pd.DataFrame(records)
    if frame is None:
        raise refusal("no table")
    if not 0 < len(frame) <= MOST_ROWS:
        raise InputError(f"A request holds 1 to {MOST_ROWS:,} rows; this one has {len(frame):,}.")
    return frame


def serve(answers: Answers, host: str = "127.0.0.1", port: int = 5001) -> None:
    """Answer requests until the process is stopped; the address is the first line of stdout."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with refusing(f"Cannot listen at {host}:{port}", " Choose another with --port.", (OSError, OverflowError)):
            listener.bind((host, port))
            listener.listen()  # whoever reads the address below may ask at once
        print(f"http://{host}:{listener.getsockname()[1]}/invocations", flush=True)  # noqa: T201
        config = uvicorn.Config(make_app(answers), log_level="warning", timeout_keep_alive=30, access_log=False)
        server = uvicorn.Server(config)
        # The signal that stopped it, such as SIGTERM, ends the process only once the log is written.
        with server.capture_signals(), contextlib.closing(answers):
            server.run(sockets=[listener])
