"""Tasks wait for their own pool. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC218",
    name="pool-starvation",
    family=Family.WAITING,
    summary="tasks wait for other tasks of the same bounded executor, and all workers wait",
    symptom=("Every worker of a ThreadPoolExecutor waits in Future.result for tasks that are queued behind it"),
    why=(
        "concurrent.futures.ThreadPoolExecutor starts max_workers threads and no more, as does"
        " multiprocessing.pool.ThreadPool; a task that submits to its own pool and waits keeps its worker. Slow remote"
        " calls only make it likelier"
    ),
    fix=(
        "Use a second pool for the inner tasks, or let the outer code collect the results instead of waiting "
        "inside a task."
    ),
    change="""\
  def host_task(host):
-     return [pool.submit(run, c).result() for c in commands]
+     return [inner.submit(run, c).result() for c in commands]
""",
    safe="ClientPool",
    upstream=("https://docs.python.org/3/library/concurrent.futures.html",),
)
