"""What a fit says while it runs: printed lines and scikit-learn's callbacks.

Both cost nothing when they are off. Callbacks need scikit-learn >= 1.9; below that
`CallbackSupport` is an empty base.
"""

import time

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
except ImportError:  # scikit-learn < 1.9

    class CallbackSupport:
        """Stands in for the mixin of scikit-learn >= 1.9."""


class Progress:
    """Tell the user, and scikit-learn's callbacks, of each round of the search.

    Parameters
    ----------
    estimator : estimator
    X, y : the training data, for the callbacks
    verbose : int
        0 prints nothing, 1 a line a round.
    max_rounds : int
    to_user : callable
        Turns a log-likelihood of the engine into one of the response.
    """

    def __init__(self, estimator, X, y, verbose, max_rounds, to_user):
        self.estimator, self.data = estimator, {"X": X, "y": y}
        self.verbose, self.to_user = verbose, to_user
        self.started = time.perf_counter()
        self.context = self.task = None
        if getattr(estimator, "_skl_callbacks", None) or hasattr(
            estimator, "_parent_callback_ctx"
        ):
            self.context = estimator._init_callback_context(max_subtasks=max_rounds)
            self.context.call_on_fit_task_begin(estimator=estimator, **self.data)
            self._begin_task()

    def _begin_task(self):
        self.task = self.context.subcontext(task_name="search round")
        self.task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def begin(self, n_rows, n_features):
        """Name the problem."""
        if self.verbose:
            print(
                f"{type(self.estimator).__name__}: {n_rows} rows,"
                f" {n_features} features, {self.estimator.n_components} components"
            )

    def round(self, number, found):
        """Report a round of the search; True if a callback asks to stop."""
        if self.verbose:
            best = found.optima[0]
            loglik = self.to_user(best.loglik, found.weight)
            print(
                f"  round {number:2d}  log-likelihood {loglik:.4f}"
                f"  found by {found.agreeing} independent arms  {self._seconds()}"
            )
        if self.context is None:
            return False
        stop = self.task.call_on_fit_task_end(estimator=self.estimator, **self.data)
        self.task = None
        if number < self.context.max_subtasks and not stop:
            self._begin_task()
        return stop

    def end(self, loglik, polished, flaw):
        """Report the estimate and its certificate."""
        if self.verbose:
            proof = "maximum proven" if polished.converged[0] else flaw or "not proven"
            print(
                f"  polish    log-likelihood {loglik:.4f}"
                f"  Newton decrement {polished.decrement[0]:.1e}"
                f"  smallest eigenvalue {polished.smallest_eigenvalue[0]:.1e}"
                f"  {proof}  {self._seconds()}"
            )
        if self.context is not None:
            self.context.call_on_fit_task_end(estimator=self.estimator, **self.data)

    def _seconds(self):
        return f"{time.perf_counter() - self.started:.2f} s"
