#!/usr/bin/env bash
#SBATCH --job-name=seqtopo
#SBATCH --ntasks=2
#SBATCH --cpus-per-task=1
#SBATCH --output=seqtopo-%j.txt

# One process a task: each reads its rank and the host of rank 0 from what SLURM sets.
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
srun --kill-on-bad-exit=1 python train.py --epochs 3
