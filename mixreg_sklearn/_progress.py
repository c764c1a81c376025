"""Progress of a running fit: printed lines and scikit-learn's callbacks.

Callbacks need scikit-learn >= 1.9; with older versions, `CallbackSupport` is an empty
base class.
"""

import time
from contextlib import contextmanager

from ._status import status

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
except ImportError:  # scikit-learn < 1.9

    class CallbackSupport:
        """Replaces the mixin of scikit-learn >= 1.9."""


def _has_callbacks(estimator):
    own = hasattr(estimator, "_skl_callbacks")
    return own or hasattr(estimator, "_parent_callback_ctx")


class Progress:
    """Report rounds of the search to the user and to scikit-learn's callbacks."""

    def __init__(self, estimator, posed):
        self.estimator, self.problem = estimator, posed.problem
        self.started = time.perf_counter()
        self.data = {"estimator": estimator, "X": posed.X, "y": posed.y}
        self.fit_task = self.round_task = None
        if _has_callbacks(estimator):
            self.fit_task = estimator._init_callback_context(
                max_subtasks=estimator.n_init
            )
            self.fit_task.call_on_fit_task_begin(**self.data)
        if estimator.verbose:
            d = estimator.n_features_in_
            print(
                f"{type(estimator).__name__}: {posed.n_rows} rows, {d}"
                f" feature{'' if d == 1 else 's'}, {estimator.n_components} components"
            )

    def about(self, problem):
        """Report parameters of another problem from now on. -> self."""
        self.problem = problem
        return self

    def begin_round(self):
        """Begin a round of the search."""
        if self.fit_task is not None:
            self.round_task = self.fit_task.subcontext(task_name="search round")
            self.round_task.call_on_fit_task_begin(**self.data)

    def end_round(self, found):
        """Report a round of the search; return True if a callback asks to stop."""
        best = found.optima[0]
        loglik = self.problem.loglik_to_user(best.loglik, found.weight)
        self._say(
            f"  round {found.n_rounds:2d}  log-likelihood {loglik:.4f}"
            f"  found by {found.agreeing} independent arms"
        )
        if self.round_task is None:
            return False
        return self.round_task.call_on_fit_task_end(
            **self.data,
            reconstruction_attributes=lambda: self._attributes(best.params),
        )

    def end(self, loglik, estimate):
        """Report the estimate and its certificate."""
        polished, flaw = estimate.polished, estimate.flaw
        proof = "maximum proven" if estimate.proven else "maximum not proven"
        self._say(
            f"  polish    log-likelihood {loglik:.4f}"
            f"  Newton decrement {polished.decrement[0]:.1e}"
            f"  smallest eigenvalue {polished.smallest_eigenvalue[0]:.1e}"
            f"  {'degenerate' if flaw else proof}"
        )
        if self.fit_task is not None:
            self.fit_task.call_on_fit_task_end(
                **self.data,
                reconstruction_attributes=lambda: self._attributes(polished.params),
            )

    def _attributes(self, params):
        """Attributes with which a copy of the estimator can predict."""
        return self.problem.to_user(params).attributes()

    def _say(self, line):
        if self.estimator.verbose:
            print(f"{line}  {time.perf_counter() - self.started:.2f} s")


class ExpertProgress:
    """Report starts and passes of a mixture of experts."""

    def __init__(self, estimator, problem):
        self.estimator, self.fit_task = estimator, None
        self.started = time.perf_counter()
        self.data = {"estimator": estimator, "X": problem.X, "y": problem.y}
        if _has_callbacks(estimator):
            # The best places go on, and how many there are is not known before.
            self.fit_task = estimator._init_callback_context(max_subtasks=None)
            self.fit_task.call_on_fit_task_begin(**self.data)
        self._say(
            f"{type(estimator).__name__}: {len(problem.rows.y)} rows,"
            f" {estimator.n_components} components, {problem.folds()}"
        )

    def start_done(self, start, end, best):
        """Report where passes of a start end; True if a callback asks to stop."""
        self._say(
            f"  start {start.kind:14s} log-likelihood {end.path[-1]:.4f}"
            f" after {len(end.path)} passes"
            + ("  best so far" if best.end is end else "")
        )
        if self.fit_task is None:
            return False
        task = self.fit_task.subcontext(task_name="start")
        task.call_on_fit_task_begin(**self.data)
        return task.call_on_fit_task_end(**self.data)

    def pass_done(self, number, log_likelihood, change):
        """Report a pass over all rows."""
        self._say(
            f"  pass {number:3d}  log-likelihood {log_likelihood:.4f}"
            f"  change {change:.1e}"
        )

    def end(self):
        """End the fit."""
        if self.fit_task is not None:
            self.fit_task.call_on_fit_task_end(**self.data)

    def _say(self, line):
        if self.estimator.verbose:
            seconds = time.perf_counter() - self.started
            print(f"{line}  {seconds:.1f} s", flush=True)


class CandidateProgress:
    """Report the candidates of a selection, one line and one subtask for each."""

    def __init__(self, estimator, X, y, n_candidates):
        self.estimator, self.fit_task = estimator, None
        self.data = {"estimator": estimator, "X": X, "y": y}
        if _has_callbacks(estimator):
            self.fit_task = estimator._init_callback_context(max_subtasks=n_candidates)
            self.fit_task.call_on_fit_task_begin(**self.data)

    @contextmanager
    def candidate(self, mixture):
        """While a mixture is fitted, callbacks see it as a part of the selection."""
        if self.fit_task is None:
            yield
            return
        task = self.fit_task.subcontext(task_name="candidate")
        with task.propagate_callback_context(mixture):
            yield

    def report(self, candidate, seconds):
        """Print a line for a candidate."""
        if not self.estimator.verbose:
            return
        several = isinstance(self.estimator.estimator, (list, dict))
        mixture, criterion = candidate.mixture, self.estimator.criterion
        print(
            (f"{candidate.label}: " if several else "")
            + f"{mixture.n_components:2d} components"
            f"  log-likelihood {mixture.log_likelihood_:.4f}"
            f"  {criterion.upper()} {candidate.criteria[criterion]:.4f}"
            f"  maximum {status(mixture)}  {seconds:.2f} s"
        )

    def end(self):
        """End the selection."""
        if self.fit_task is not None:
            self.fit_task.call_on_fit_task_end(**self.data)
