"""Refuses what OPA denies, but for /health."""

from starlette.responses import JSONResponse

from somabrain.opa import client


async def opa_middleware(request, following):
    if request.url.path != "/health" and not client.allowed({"method": request.method, "path": request.url.path}):
        return JSONResponse({"detail": "forbidden"}, status_code=403)
    return await following(request)
