#!/bin/sh
# Kubernetes as a cluster of Snakemake's cluster-generic executor, each job a Job with one pod:
#   kubernetes.sh submit IMAGE CLAIM CORES MEGABYTES MINUTES SCRIPT   says the job's name
#   kubernetes.sh status NAME                                        says running, success or failed
#   kubernetes.sh NAME...                                            takes jobs back
# IMAGE is the Dockerfile's. CLAIM, a persistent volume claim that many pods may write to, holds
# what the checkout's runs/ and .snakemake/ hold where Snakemake runs, at the same path.
# The kubernetes executor of Snakemake won't do: it wants files in an object storage alone.
set -eu
case $1 in
submit)
	shift
	name=octmnist-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
	kubectl create --filename=- >&2 <<END
apiVersion: batch/v1
kind: Job
metadata:
  name: $name
spec:
  backoffLimit: 0
  template:
    spec:
      # Of the pod, which begins when it is given a node: a job's own would count its wait for one.
      activeDeadlineSeconds: $(($5 * 60))
      restartPolicy: Never
      containers:
        - name: job
          image: $1
          workingDir: $PWD
          command: [sh, "$6"]
          resources:
            requests: {cpu: $3, memory: $4M}
            limits: {cpu: $3, memory: $4M}
          volumeMounts:
            - {name: shared, mountPath: $PWD/runs, subPath: runs}
            - {name: shared, mountPath: $PWD/.snakemake, subPath: snakemake}
      volumes:
        - name: shared
          persistentVolumeClaim: {claimName: $2}
END
	echo "$name"
	;;
status)
	counts=$(kubectl get job "$2" --output=jsonpath='{.status.succeeded}/{.status.failed}')
	case $counts in
	*/[1-9]*) echo failed ;;
	[1-9]*) echo success ;;
	*) echo running ;;
	esac
	;;
*) kubectl delete job --wait=false "$@" >&2 ;;
esac
