"""The form that rents a pod: GPUs, further choices, and the price above the button."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Input
from textual.worker import Worker, WorkerState

from labeltui.actions.pods import PodCreateParams
from labeltui.domain.amounts import rate_text
from labeltui.domain.deploy.sizing import suggested
from labeltui.domain.money import Account
from labeltui.domain.problems import LabeltuiError
from labeltui.operations.deploy.agreement import second_refused
from labeltui.operations.deploy.data_size import DataSize, measure
from labeltui.operations.deploy.draft import Draft
from labeltui.operations.deploy.market import Shop, account_now, needs, offers_now, read_shop
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone, size
from labeltui.ui.screens.deploy.choices import Choices
from labeltui.ui.screens.deploy.gpus import GpuPart
from labeltui.ui.screens.deploy.price import price_lines, question
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.dialogs.dialog import STYLES
from labeltui.ui.screens.dialogs.fields import Field
from labeltui.ui.screens.dialogs.form import Form

if TYPE_CHECKING:
    from labeltui.session.session import Session

log = logging.getLogger(__name__)
NEEDED = ("offers", "places", "volumes", "pods")  # requested again until each was read once
REFRESH_S = 30.0  # stock changes by the minute; RunPod counts requests
SIDE_BY_SIDE = 150
SHORT = 34
TABLE, SHORT_TABLE = 14, 6  # rows of the table of GPUs above the fields
FRAME = 2 + 2 + 2  # rows of border, error, and buttons
NOTHING = Shop(datetime(1970, 1, 1, tzinfo=UTC))
KEYS = "/ filter · o O sort · r refresh · tab next"


class DeployScreen(Form[dict[str, Any]]):
    """The deploy form. Returns the parameters of ``pod.create`` once the operator has confirmed the price."""

    CSS_PATH: ClassVar[Any] = [STYLES, Path(__file__).with_name("screen.tcss")]
    BINDINGS: ClassVar = [Binding("escape", "leave", show=False, priority=True)]
    KEYS: ClassVar[str] = KEYS
    fields: Choices

    def __init__(self, session: Session, prefill: Mapping[str, Any] | None = None) -> None:
        self._session = session
        self._shop = NOTHING
        self._account: Account | None = None
        self._balance_text = "Asking for the balance …"
        section = session.profile.runpod
        self._profile_pod = section.pod if section is not None else ""
        self.draft = Draft.begun(PodCreateParams.of(prefill or {}), self._profile_pod)
        self._wanted = self.draft.gpu  # the GPU to choose once it is offered
        models, spatial = needs(session)
        self.gpus = GpuPart(models, spatial)
        self.choices = Choices(self.draft, f"profile {session.name}")
        super().__init__("rent a pod", "Rent", self.choices)
        self._fetching: Worker[None] | None = None
        self._trouble: tuple[str, str] = ("", Tone.WARN)  # text and colour of the last problem with RunPod

    def above(self) -> ComposeResult:
        """Yield the table of GPUs."""
        yield self.gpus

    def on_mount(self) -> None:
        """Request offers and balance, and refresh the offers every ``REFRESH_S``."""
        self._refresh()
        self.run_worker(self._ask_balance(), group="balance", exit_on_error=False)
        self.set_interval(REFRESH_S, self._refresh)
        if self.draft.data:
            self._measure()

    def begin(self) -> None:
        """Focus the table of GPUs."""
        self.set_focus(self.gpus.table)

    def arrange_fields(self, width: int, height: int) -> None:
        """Put table and fields side by side if there is room, else the fields into the rows below the table."""
        side, short = width >= SIDE_BY_SIDE, height < SHORT
        self.set_class(side, "-side")
        self.set_class(short, "-short")
        self.fields.fit(
            0 if side else width, height - FRAME - (0 if side else SHORT_TABLE if short else TABLE)
        )
        self.dress(width)

    # -- requests

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Log and show a worker's unexpected failure. The form stays open."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            error = event.worker.error
            log.error("the deploy form", exc_info=error)
            text = f"{type(error).__name__}: {error}. This is an error in labeltui; r refreshes."
            self._answered(text, Tone.BAD)

    async def _fetch_shop(self) -> None:
        session = self._session
        try:
            self._shop = await read_shop(session, self.draft.cloud)
        except LabeltuiError as error:
            self._answered(f"{error.problem.message} {error.problem.hint}", Tone.BAD)
            return
        self.draft = self.draft.settled(self._shop, self._profile_pod, saves=session.config is not None)
        self.choices.offer(self.draft, self._shop)
        self._show_offers()
        if self._wanted is not None and self.gpus.choose(self._wanted):
            self._wanted = None
        self._answered(next((self._shop.errors[n] for n in NEEDED if n in self._shop.errors), ""), Tone.BAD)

    def _answered(self, trouble: str = "", tone: str = Tone.WARN) -> None:
        """Show ``trouble`` until the next answer from RunPod. An empty ``trouble`` clears the message."""
        self._trouble = (trouble, tone)
        self._settle()

    def _refresh(self, *, anew: bool = False) -> None:
        """Request offers, unless a request is running.

        With ``anew``, cancel a running request first. Until all of ``NEEDED`` has been read, request everything
        else too.
        """
        if self._fetching is not None and not self._fetching.is_finished and not anew:
            return
        if self._shop is NOTHING:
            self._show_message("Asking RunPod what is free …", Tone.FAINT)
        self._show_refusal()
        whole = self._shop is NOTHING or any(name in self._shop.errors for name in NEEDED)
        fetch = self._fetch_shop() if whole else self._fetch_offers()
        self._fetching = self.run_worker(fetch, group="market", exclusive=True, exit_on_error=False)

    async def _fetch_offers(self) -> None:
        """Request prices and stock only. The operator's choices stay unchanged."""
        try:
            offers = await offers_now(self._session, self.draft.cloud)
        except LabeltuiError as error:
            read_at = f"{self._shop.at.astimezone():%H:%M:%S}"
            self._answered(f"Prices and stock are from {read_at}: {error.problem.message}")
            return
        self._shop = replace(self._shop, offers=offers, at=self._session.clock())
        self._show_offers()
        self._answered()

    async def _ask_balance(self) -> None:
        try:
            self._account = await account_now(self._session)
        except LabeltuiError as error:
            self._balance_text = f"The balance is not known: {error.problem.message}"
        self._show_price()

    def _show_offers(self) -> None:
        self.gpus.show(self._shop.offers, cloud=self.draft.cloud, centre=self.draft.centre(self._shop))

    # -- choices

    def on_gpu_part_chosen(self) -> None:
        """Put the chosen GPU into the draft."""
        self.draft = replace(self.draft, gpu=self.gpus.chosen)
        self._settle()

    def on_field_changed(self, message: Field.Changed) -> None:
        """Put the changed field into the draft, and refresh what depends on the field."""
        message.stop()
        message.prevent_default()  # the form would clear what is still wrong
        name = message.field.key
        self.draft = self.choices.apply(self.draft)
        if name == "storage":
            self.draft = replace(self.draft, storage_chosen=True)
        before, self.draft = self.draft, self.draft.preferring(self._shop)
        if name == "cloud":
            self._refresh(anew=True)
        if name in ("storage", "data_centre") or before.storage != self.draft.storage:
            self.choices.offer(self.draft, self._shop)
            self._show_offers()
        self._settle()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Measure the folder of studies after enter in its field."""
        if event.input is self.choices.find("data").control:
            self._measure()

    def _measure(self) -> None:
        self.run_worker(self._measured(), group="measure", exclusive=True, exit_on_error=False)

    async def _measured(self) -> None:
        folder = self.choices.apply(self.draft).data.strip()
        if not folder:
            return

        def progress(so_far: DataSize) -> None:
            self.choices.measured = f"measuring … {so_far.files} files, {size(so_far.bytes)}"
            self._settle()

        try:
            found = await measure(folder, progress)
        except LabeltuiError as error:
            self.choices.measured = f"{error.problem.message} {error.problem.hint}"
        else:
            sizes = suggested(found.bytes)
            unread = f" ({found.unread} could not be read)" if found.unread else ""
            self.choices.measured = f"{sizes.volume_gb} GB: {sizes.why}; {found.files} files{unread}"
            self.choices.size_volume(sizes.volume_gb)
            self.draft = self.choices.apply(self.draft)
        self._settle()

    def _settle(self) -> None:
        """Update the notes, the price and the problems for the present choices."""
        if not self.is_mounted:
            return
        wrong = dict(self.draft.problems(self._shop)) if self._shop is not NOTHING else {}
        warnings = self.draft.warnings(self._shop, self._session.profile.server.folder)
        self.choices.explain(self.draft, self._shop, warnings, wrong)
        self.explain_focused()
        self._show_price()
        if self._trouble[0]:
            self._show_message(*self._trouble)
        elif self._show_refusal():
            return
        elif self._shop is not NOTHING:
            gpu = wrong.get("gpu") or warnings.get("gpu") or ""
            self._show_message(gpu, Tone.BAD if "gpu" in wrong else Tone.WARN)

    def _show_price(self) -> None:
        lines = price_lines(self.draft, self._shop, self._account, self._balance_text)
        self.summarise(Content("\n").join(lines))
        made, offer = self.draft.quoted(self._shop), self.draft.offer(self._shop)
        label = (
            "Rent"
            if made is None or offer is None
            else f"Rent {safe(offer.name)} at {rate_text(made.running)}"
        )
        self._button.update(Content(label))

    def _show_refusal(self) -> bool:
        """Show the reason if no choice in the form can rent a pod now. Returns False if there is none."""
        refusal = second_refused(self._session.store.state.pod.value, self.draft.name)
        if refusal is not None:
            self._show_message(f"{refusal.problem.message} {refusal.problem.hint}", Tone.BAD)
        return refusal is not None

    def _show_message(self, text: str, tone: str) -> None:
        self.complain(text, tone)

    # -- keys and buttons

    def on_key(self, event: events.Key) -> None:
        """Refresh the offers with r, and go to the fields with enter."""
        if self.gpus.table.has_focus and event.character == "r":
            event.stop()
            self._show_message("Asking RunPod what is free …", Tone.FAINT)
            self._refresh()
        elif self.gpus.table.has_focus and event.key == "enter":
            event.stop()
            self.set_focus(self.choices.find("data").control)

    def action_leave(self) -> None:
        """Close the filter if it is open, else the form."""
        if self.gpus.filtering:
            self.gpus.clear_filter()
        else:
            self.dismiss(None)

    def action_submit(self) -> None:
        """Ask the operator to confirm the price, then close the form with the parameters.

        If no pod can be rented, show why instead. If a choice is invalid, show the first problem and focus its
        field.
        """
        self.draft = self.choices.apply(self.draft)
        if self._show_refusal():
            return
        wrong = self.draft.problems(self._shop)
        if wrong:
            field, text = wrong[0]
            self._settle()
            self._show_message(text, Tone.BAD)
            if field == "gpu":
                self.set_focus(self.gpus.table)
            else:
                self.set_focus(self.choices.find(field).control)
            return
        made, offer = self.draft.quoted(self._shop), self.draft.offer(self._shop)
        if made is None or offer is None:
            return
        beside = self._session.store.state.pod.value
        screen = ConfirmScreen(
            f"Rent at {rate_text(made.running)}", question(self.draft, self._shop, made, offer, beside)
        )
        params = self.draft.params(self._shop).given()

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss(params)

        self.app.push_screen(screen, answered)
