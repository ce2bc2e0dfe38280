"""What stands around the model: the command, id maps, reading of logs, the training clock, answers."""
