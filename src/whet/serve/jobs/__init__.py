"""The fine-tuning API: files, jobs and evals in OpenAI's shapes, run by whet's ladder in a process apart."""
