"""Programs read without running them: `tree` says which files matter, `program` reads them, `facts` is asked.

The reading is an abstract run. Values (`values`) stand for objects by the expression that made them; a function is read
where it is called, with what it is passed; a loop body is read once and marks what it makes as one per turn; threads,
processes and callbacks (`contexts`) are read with what they were given. What is left of all that are operations
(`operations`): calls on objects of Paramiko, with their thread, locks, loops and branches. Lenses judge those.
"""
